// Windows in a row, step by step, put before taps.js, which draws one window and several networks side by side.
// data: see there, view "chain".

const MOST_UNITS = 81 // of a map, that are stepped through one by one
const PLAY_MS = 7000 // for all steps
const STEP_MS = [60, 600]

// One step for the unit itself; then for each layer, from the last down, one for each unit that the map above holds; and
// one for all together.
function framesOf({ maps }) {
  const frames = [{ layer: 0, unit: null }]
  for (let layer = 1; layer < maps.length; layer += 1) {
    const units = maps[layer - 1].positions.length ** 2
    if (units > MOST_UNITS) frames.push({ layer, unit: null })
    else for (let unit = 0; unit < units; unit += 1) frames.push({ layer, unit })
  }
  if (frames.at(-1).unit !== null) frames.push({ layer: maps.length - 1, unit: null })
  return frames
}

// The pixels of a map that are reached at a step: their rows and columns, how many there are, and in how many ways each.
function reachedAt({ maps, layers }, index, frame) {
  if (index > frame.layer) return { rows: [], columns: [], size: 0, ways: () => 0 }
  const { positions, counts } = maps[index]
  if (index < frame.layer || frame.unit === null) {
    const along = new Map(positions.map((place, i) => [place, counts[i]]))
    return { rows: positions, columns: positions, size: positions.length ** 2, ways: (y, x) => (along.get(y) || 0) * (along.get(x) || 0) }
  }
  const found = new Map()
  for (let unit = 0; unit <= frame.unit; unit += 1) {
    const [[rows, columns], ways] = [tapsOf({ maps, layers }, index, unit), waysOf(maps[index - 1], unit)]
    for (const y of rows) for (const x of columns) found.set(`${y} ${x}`, (found.get(`${y} ${x}`) || 0) + ways)
  }
  const places = [...found.keys()].map((key) => key.split(" ").map(Number))
  const axis = (which) => [...new Set(places.map((place) => place[which]))].sort((one, other) => one - other)
  return { rows: axis(0), columns: axis(1), size: found.size, ways: (y, x) => found.get(`${y} ${x}`) || 0 }
}

const placeOf = ({ positions }, unit) => [Math.floor(unit / positions.length), unit % positions.length]
const waysOf = (map, unit) => placeOf(map, unit).reduce((product, index) => product * map.counts[index], 1)

// What a unit of the map above reads of map `index`: [rows, columns].
function tapsOf({ maps, layers }, index, unit) {
  const { kernel, dilation, padding } = layers[layers.length - index]
  return placeOf(maps[index - 1], unit).map((place) => range(kernel).map((tap) => maps[index - 1].positions[place] + dilation * tap - padding))
}

function drawChain(area, data, memory, width) {
  const ui = parts(area, memory, "chain", () => {
    const frame = frameOf(area, () => [...frame.pictures.querySelectorAll("svg"), section.querySelector("svg")])
    const bar = html(area, "div", { class: "places" })
    const button = (icon, label) => {
      const found = html(bar, "button", { class: "step", type: "button", "aria-label": label, title: label })
      drawIcon(found, icon)
      return found
    }
    const back = button("skip_previous", "One step back"), play = button("play_arrow", "Play"), on = button("skip_next", "One step on")
    const slider = html(bar, "input", { class: "frames", type: "range", min: 0, "aria-label": "Step" })
    const said = html(area, "p", { class: "said", role: "status" })
    const share = html(area, "div", { class: "share" })
    const section = html(area, "div")
    const list = html(area, "ul", { class: "equations" })
    const legend = html(area, "div", { class: "legend" })
    return { ...frame, back, play, on, slider, said, share, section, list, legend }
  })
  ui.name(data.title, data.note)
  tellEquations(ui.list, data.equations)
  tellShare(ui.share, data.share)
  const frames = framesOf(data), last = frames.length - 1
  const chain = JSON.stringify(data.layers)
  if (memory.chain !== chain) Object.assign(memory, { chain, step: last }) // another chain: all of it
  const show = (step) => {
    memory.step = Math.min(last, Math.max(0, step))
    const frame = frames[memory.step]
    drawMaps(ui.pictures, data, frame, width)
    drawSection(ui.section, data, frame, width)
    ui.said.textContent = tellFrame(data, frame)
    ui.slider.max = last
    ui.slider.value = memory.step
    ui.slider.setAttribute("aria-valuetext", ui.said.textContent)
    ui.back.disabled = memory.step === 0
    ui.on.disabled = memory.step === last
  }
  const pause = () => {
    ui.said.setAttribute("aria-live", "polite")
    clearInterval(memory.playing)
    memory.playing = 0
    ui.play.querySelector(".symbol").textContent = "play_arrow"
    ui.play.setAttribute("aria-label", "Play")
  }
  const play = () => {
    ui.said.setAttribute("aria-live", "off") // a voice could not keep up
    if (memory.step === last) show(0)
    ui.play.querySelector(".symbol").textContent = "pause"
    ui.play.setAttribute("aria-label", "Pause")
    memory.playing = setInterval(() => {
      if (!ui.play.isConnected || memory.step >= last) return pause()
      show(memory.step + 1)
    }, Math.min(STEP_MS[1], Math.max(STEP_MS[0], PLAY_MS / frames.length)))
  }
  const go = (step) => () => {
    pause()
    show(step())
  }
  ui.back.onclick = go(() => memory.step - 1)
  ui.on.onclick = go(() => memory.step + 1)
  ui.play.onclick = () => (memory.playing ? pause() : play())
  ui.play.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches
  ui.slider.oninput = go(() => Number(ui.slider.value))
  pause()
  show(memory.step)
  tellLegend(ui.legend, [
    ["touched", "reached; the number says in how many ways"],
    ["hole", "inside the box, but not reached"],
    ["reach", "box"],
    ["active", "the unit of this step and what it reads"],
  ])
}

function tellShare(line, share) {
  line.replaceChildren()
  line.hidden = !share
  if (!share) return
  html(html(line, "span", { class: "bar", "aria-hidden": "true" }), "i", { style: `width:${100 * share.part}%` })
  html(line, "span", {}, share.text)
}

function tellFrame({ maps, layers }, frame) {
  const map = maps[frame.layer]
  if (!frame.layer) return "One unit of the output."
  const layer = layers[layers.length - frame.layer]
  const window = `${layer.kernel}×${layer.kernel}${layer.dilation > 1 ? ` with holes (d = ${layer.dilation})` : ""}`
  const where = map.label === "image" ? "the image" : `the map behind ${map.label}`
  const above = maps[frame.layer - 1].positions.length ** 2
  const found = reachedAt({ maps, layers }, frame.layer, frame).size
  const whole = `${formatCount(found)} pixel${found === 1 ? "" : "s"} of ${where}`
  if (frame.unit === null || above === 1) {
    return above === 1 ? `It reads ${window}: ${whole}.` : `All ${formatCount(above)} units together, each with its ${window}: ${whole}.`
  }
  return `Unit ${frame.unit + 1} of ${above} ${frame.unit ? "adds" : "reads"} its ${window}: ${whole}${frame.unit + 1 < above ? " so far" : ""}.`
}

const tint = (ways, most) => 0.16 + 0.44 * (most > 1 ? Math.log(ways) / Math.log(most) : 1)
const TINTS = 7

function drawMaps(pictures, data, frame, width) {
  pictures.replaceChildren()
  const { maps, box } = data
  const side = box[1] - box[0] + 1
  // As many beside one another as leave a cell large enough to be seen.
  const cellOf = (columns) => ((width - APART * (columns - 1)) / columns - 5) / side
  const many = [maps.length, Math.ceil(maps.length / 2), 2].find((columns) => columns <= maps.length && cellOf(columns) >= (width > NARROW ? 9 : 6))
  const cell = Math.max(1, Math.min(LARGEST, HIGHEST / side, Math.floor(4 * cellOf(many || Math.min(2, maps.length))) / 4))
  maps.forEach((map, index) => {
    const figure = html(pictures, "figure", { style: `width:${round(side * cell + 4)}px` })
    const reached = reachedAt(data, index, frame)
    const touched = reached.size
    const caption = html(figure, "figcaption")
    html(caption, "b", {}, map.label)
    caption.append(touched ? ` · ${formatCount(touched)} reached` : "")
    const picture = plot(figure, round(side * cell + 4), round(side * cell + 4), `${map.label}: ${formatCount(touched)} pixels reached`, "img")
    picture.style.maxWidth = "100%"
    drawReached(picture, reached, box, cell)
    if (frame.unit === null) return
    const here = index === frame.layer - 1 && placeOf(map, frame.unit).map((place) => [map.positions[place]])
    const read = index === frame.layer && tapsOf(data, index, frame.unit)
    const at = (y, x, size) => square(2 + (x - box[0]) * cell, 2 + (y - box[0]) * cell, size)
    for (const [rows, across] of [here, read].filter(Boolean)) svg(picture, "path", { class: "active", d: cells(rows, across, at, cell) })
  })
}

// Pixels that are reached, darker in more ways; holes within their box. Equal neighbours are one piece of a path.
function drawReached(picture, { rows, columns, ways }, box, cell) {
  const side = box[1] - box[0] + 1
  if (!rows.length) return gridLines(picture, 2, 2, side, side, cell)
  const most = rows.reduce((high, y) => columns.reduce((each, x) => Math.max(each, ways(y, x)), high), 1)
  const tints = new Map(), holes = []
  const left = (x) => 2 + (x - box[0]) * cell, top = (y) => 2 + (y - box[0]) * cell
  const tintAt = (y, x) => {
    const found = ways(y, x)
    return found && Math.round(TINTS * tint(found, most)) / TINTS
  }
  for (let y = rows[0]; y <= rows.at(-1); y += 1) {
    for (let x = columns[0]; x <= columns.at(-1); x += 1) {
      const level = tintAt(y, x), from = x
      if (!level) {
        if (cell >= 4) holes.push(cross(left(x), top(y), cell))
        continue
      }
      while (x < columns.at(-1) && tintAt(y, x + 1) === level) x += 1
      if (!tints.has(level)) tints.set(level, [])
      const wide = round((x - from + 1) * cell)
      tints.get(level).push(`M${round(left(from))} ${round(top(y))}h${wide}v${round(cell)}h${-wide}z`)
    }
  }
  for (const [level, pieces] of tints) svg(picture, "path", { class: "touched", "fill-opacity": level, d: pieces.join("") })
  svg(picture, "path", { class: "hole", d: holes.join("") })
  gridLines(picture, 2, 2, side, side, cell)
  const [high, wide] = [rows, columns].map((places) => places.at(-1) - places[0] + 1)
  svg(picture, "rect", { class: "reach", x: left(columns[0]), y: top(rows[0]), width: wide * cell, height: high * cell })
  if (cell < 15 || most === 1) return
  for (const y of rows) {
    for (const x of columns) {
      const words = String(ways(y, x) || "")
      const size = Math.min(11, cell * 0.5, (1.6 * cell) / words.length)
      if (words && size > 5) plotText(picture, left(x) + cell / 2, top(y) + cell / 2, words, { class: "number", "text-anchor": "middle", "dominant-baseline": "central", "font-size": size })
    }
  }
}

// The same from the side, along one axis: each unit above the units that it reads.
function drawSection(area, data, frame, width) {
  area.replaceChildren()
  const { maps, layers, box } = data
  const side = box[1] - box[0] + 1
  const left = 58, deep = 52, top = 12
  const step = Math.min(LARGEST, (Math.min(width, 900) - left - 12) / side)
  const high = top * 2 + deep * (maps.length - 1)
  const words = `From the side, along one axis: ${maps.map(({ label, positions }) => `${label} ${positions.length} of ${positions.at(-1) - positions[0] + 1}`).join("; ")}`
  const picture = plot(area, round(left + side * step + 12), high, words, "img")
  picture.style.maxWidth = "100%"
  const x = (place) => left + (place - box[0] + 0.5) * step, y = (index) => top + index * deep
  const [active] = frame.unit === null ? [null] : [placeOf(maps[frame.layer - 1], frame.unit)[1]]
  maps.slice(1, frame.layer + 1).forEach((map, above) => {
    const { kernel, dilation, padding } = layers[layers.length - 1 - above]
    const lines = (places) => places.flatMap((place) => range(kernel).map((tap) => `M${round(x(place))} ${y(above)}L${round(x(place + dilation * tap - padding))} ${y(above + 1)}`)).join("")
    svg(picture, "path", { class: "light", d: lines(maps[above].positions) })
    if (above === frame.layer - 1 && active !== null) svg(picture, "path", { class: "strong", d: lines([maps[above].positions[active]]) })
  })
  const radius = Math.min(5, 0.36 * step)
  maps.forEach((map, index) => {
    plotText(picture, 0, y(index) + 4, map.label, { class: "muted" })
    const reached = new Set(map.positions)
    for (let place = box[0]; place <= box[1]; place += 1) {
      const inside = place >= map.positions[0] && place <= map.positions.at(-1)
      if (index > frame.layer || !inside) svg(picture, "circle", { cx: x(place), cy: y(index), r: Math.max(0.6, radius * 0.25), class: "pixel", "fill-opacity": 0.35 })
      else if (reached.has(place)) svg(picture, "circle", { cx: x(place), cy: y(index), r: radius, class: "tap" })
      else svg(picture, "circle", { cx: x(place), cy: y(index), r: radius * 0.8, class: "hole" })
    }
  })
}
