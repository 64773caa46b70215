// Which pixels a window reads, on a grid: of one window (its taps, holes, stride and padding), of windows one after
// another (step by step, from one unit down to the image), or of several networks side by side.
// data: {view, title, note, alt, equations} and
// view "window": image, padding, out, taps, used, kernel, dilation, stride, reach (figures.lay_out_window)
// view "chain": layers, maps, box (figures.lay_out_chain), share: {part, text} | null
// view "fields": fields: [{label, note, rows: [".##.", …]}]

const VIEWS = { window: drawWindow, chain: drawChain, fields: drawFields }
const LARGEST = 40 // pixels of a cell
const APART = 14 // pixels between two pictures
const NARROW = 520 // pixels
const HIGHEST = 480 // pixels of a picture
const SHEET_PX = 1000 // width of several pictures that are saved as one, at most
const GAP = 3 // between two pictures in one, in cells

export default component(({ data, root, memory, tip }) => {
  const area = root.querySelector(".area") || html(root, "div", { class: "area" })
  clearInterval(memory.playing)
  onWidth(root, memory, (width) => VIEWS[data.view](area, data, memory, width, tip))
})

// Everything but what has the focus is made anew: `build` is called once, and its result at each redraw.
function parts(area, memory, view, build) {
  if (memory.view !== view) {
    area.replaceChildren()
    memory.view = view
    memory.parts = build()
  }
  return memory.parts
}

// The line of the title and its tools, and a place for the pictures.
function frameOf(area, picturesOf) {
  const head = html(area, "div")
  const pictures = html(area, "div", { class: "pictures" })
  return {
    pictures,
    name(title, note) {
      head.replaceChildren()
      for (const tool of pictureTools(titleLine(head, title, note))) tool.addEventListener("click", () => saveSheet(area, picturesOf(), title, tool.value))
    },
  }
}

// Several pictures as one, with what stands above each; it is there while it is saved.
function saveSheet(area, pictures, title, kind) {
  if (pictures.length === 1) return savePicture(pictures[0], title, kind)
  const above = 20, places = []
  let x = 8, y = 8, high = 0, wide = 0
  for (const picture of pictures) {
    const { width, height } = picture.viewBox.baseVal
    if (places.length && x + width > SHEET_PX) [x, y, high] = [8, y + high + APART, 0]
    places.push([x, y])
    high = Math.max(high, height + above)
    x += width + APART
    wide = Math.max(wide, x)
  }
  const sheet = plot(area, wide, y + high + 8, title, "img")
  pictures.forEach((picture, index) => {
    const [left, top] = places[index]
    plotText(sheet, left, top + 12, picture.closest("figure")?.querySelector("figcaption").textContent || "", { class: "muted" })
    const copy = picture.cloneNode(true)
    copy.setAttribute("x", left)
    copy.setAttribute("y", top + above)
    sheet.append(copy)
  })
  savePicture(sheet, title, kind)
  sheet.remove()
}

function tellEquations(list, equations) {
  list.replaceChildren()
  for (const equation of equations || []) html(list, "li", {}, equation)
}

// ---- cells ------------------------------------------------------------------------------------------------------------

const square = (x, y, size) => `M${round(x)} ${round(y)}h${round(size)}v${round(size)}h${round(-size)}z`
const cross = (x, y, size) => `M${round(x + 0.3 * size)} ${round(y + 0.7 * size)}L${round(x + 0.7 * size)} ${round(y + 0.3 * size)}`

function gridLines(picture, x, y, across, down, cell) {
  if (cell < 4) return svg(picture, "rect", { class: "grid", x, y, width: across * cell, height: down * cell })
  const lines = []
  for (let i = 0; i <= across; i += 1) lines.push(`M${round(x + i * cell)} ${y}v${round(down * cell)}`)
  for (let i = 0; i <= down; i += 1) lines.push(`M${x} ${round(y + i * cell)}h${round(across * cell)}`)
  svg(picture, "path", { class: "grid", d: lines.join("") })
}

// Rows and columns of one axis each, as cells of one path.
const cells = (rows, columns, at, cell) => rows.flatMap((row) => columns.map((column) => at(row, column, cell))).join("")

const range = (length) => Array.from({ length }, (_, index) => index)

// ---- one window -------------------------------------------------------------------------------------------------------

function drawWindow(area, data, memory, width, tip) {
  const { pictures, name, ranges, said, list, legend } = parts(area, memory, "window", () => {
    const frame = frameOf(area, () => [frame.pictures.querySelector("svg")])
    const places = html(area, "div", { class: "places" })
    const ranges = ["row", "column"].map((axis, index) => {
      const label = html(places, "label", {}, `Output ${axis}`)
      const input = html(label, "input", { type: "range", min: 0, "data-name": `output_${axis}` })
      input.addEventListener("input", () => memory.choose(index, Number(input.value)))
      return input
    })
    const said = html(area, "p", { class: "said", role: "status" })
    const list = html(area, "ul", { class: "equations" })
    const legend = html(area, "div", { class: "legend" })
    return { ...frame, ranges, said, list, legend }
  })
  name(data.title, data.note)
  tellEquations(list, data.equations)
  // A unit that was chosen is kept where there still is one; else the middle one.
  const middle = (data.out - 1) >> 1
  const unit = (memory.unit || [middle, middle]).map((place) => Math.min(place, data.out - 1))
  const show = () => {
    drawUnit(pictures, data, unit, width, (place) => place.forEach((value, index) => memory.choose(index, value)))
    const [rows, columns] = unit.map((place) => data.taps[place])
    said.textContent = `Output (${unit.join(", ")}) reads rows ${tellTaps(rows, data)} and columns ${tellTaps(columns, data)} of the image.`
    ranges.forEach((input, index) => {
      input.max = data.out - 1
      input.value = unit[index]
      input.disabled = data.out < 2
      input.setAttribute("aria-valuetext", `${unit[index]} of 0 to ${data.out - 1}`)
    })
  }
  memory.choose = (index, value) => {
    if (unit[index] === value) return
    unit[index] = value
    memory.unit = unit
    show()
  }
  show()
  tellLegend(legend, [
    ["tap", "read by this output"],
    ["pixel", "read by some output"],
    ...(data.used.length < data.image ? [["hole", "read by none"]] : []),
    ...(data.padding ? [["border", "padding: zeros"]] : []),
    ["reach", "k_eff × k_eff"],
    ...(data.out > 1 ? [["next", `the next output's: ${data.stride} on`]] : []),
  ])
}

const tellTaps = (taps, { image }) => taps.map((tap) => (tap < 0 || tap >= image ? "padding" : tap)).join(", ")

function drawUnit(pictures, data, [row, column], width, choose) {
  pictures.replaceChildren()
  const { image, padding, out, reach } = data
  const whole = image + 2 * padding
  const beside = width > NARROW
  const [across, down] = beside ? [whole + GAP + out, whole] : [whole, whole + GAP + out]
  const cell = Math.max(4, Math.min(LARGEST, (width - 4) / across, HIGHEST / whole))
  const head = 16
  const picture = plot(pictures, round(across * cell + 4), round(down * cell + 4 + head + (beside ? 0 : head)), data.alt, "img")
  picture.style.maxWidth = "100%"
  const left = 2, top = head + 2
  const at = (x, y, size) => square(left + (x + padding) * cell, top + (y + padding) * cell, size * cell)
  plotText(picture, left, 11, `image ${image} × ${image}${padding ? `, padding ${padding}` : ""}`, { class: "muted" })
  const inside = (taps) => taps.filter((tap) => tap >= 0 && tap < image)
  svg(picture, "path", { class: "pixel", d: cells(data.used, data.used, (y, x) => at(x, y, 1)) })
  const unused = range(image).filter((pixel) => !data.used.includes(pixel))
  const corner = (x, y) => cross(left + (x + padding) * cell, top + (y + padding) * cell, cell)
  svg(picture, "path", { class: "hole", d: cells(unused, range(image), (y, x) => corner(x, y)) + cells(data.used, unused, (y, x) => corner(x, y)) })
  if (padding) {
    const ring = range(whole).map((place) => place - padding)
    const outside = (place) => place < 0 || place >= image
    svg(picture, "path", { class: "border", d: ring.flatMap((y) => ring.filter((x) => outside(x) || outside(y)).map((x) => at(x + 0.12, y + 0.12, 0.76))).join("") })
  }
  const [rows, columns] = [data.taps[row], data.taps[column]]
  svg(picture, "path", { class: "tap", d: cells(inside(rows), inside(columns), (y, x) => at(x, y, 1)) })
  const zeros = rows.flatMap((y) => columns.filter((x) => inside([x]).length + inside([y]).length < 2).map((x) => at(x + 0.2, y + 0.2, 0.6)))
  svg(picture, "path", { class: "tap", "fill-opacity": 0.35, d: zeros.join("") })
  gridLines(picture, left + padding * cell, top + padding * cell, image, image, cell)
  if (out > 1) svg(picture, "path", { class: "next", d: at(data.taps[column + (column + 1 < out ? 1 : -1)][0] - 0.04, rows[0] - 0.04, reach + 0.08) })
  svg(picture, "path", { class: "reach", d: at(columns[0], rows[0], reach) })
  drawOutput(picture, data, [row, column], beside ? [left + (whole + GAP) * cell, top] : [left, top + head + (whole + GAP - 1) * cell], cell, choose)
}

function drawOutput(picture, { out }, [row, column], [x, y], cell, choose) {
  plotText(picture, x, y - 7, `output ${out} × ${out}`, { class: "muted" })
  const field = svg(picture, "rect", { class: "pickable", x, y, width: out * cell, height: out * cell, fill: "transparent" })
  gridLines(picture, x, y, out, out, cell)
  svg(picture, "path", { class: "tap", d: square(x + column * cell, y + row * cell, cell) })
  if (column + 1 < out) svg(picture, "path", { class: "next", d: square(x + (column + 1) * cell, y + row * cell, cell) })
  const pick = (event) => {
    const frame = field.getBoundingClientRect()
    const place = (from, length) => Math.min(out - 1, Math.max(0, Math.floor((from / length) * out)))
    choose([place(event.clientY - frame.top, frame.height), place(event.clientX - frame.left, frame.width)])
  }
  // A press redraws the picture: the pointer goes on over the new one.
  field.addEventListener("pointerdown", pick)
  field.addEventListener("pointermove", (event) => (event.pointerType === "mouse" || event.buttons) && pick(event))
}

const SWATCHES = { tap: "rect", pixel: "rect", hole: "cross", border: "inner", reach: "rect", next: "rect", touched: "rect", active: "inner" }

function tellLegend(legend, entries) {
  legend.replaceChildren()
  for (const [kind, words] of entries) {
    const item = html(legend, "span")
    const swatch = svg(item, "svg", { viewBox: "0 0 14 14", "aria-hidden": "true" })
    svg(swatch, "path", { class: kind, d: SWATCHES[kind] === "cross" ? cross(0, 0, 14) : square(1, 1, 12), ...(kind === "touched" && { "fill-opacity": 0.5 }) })
    html(item, "span", {}, words)
  }
}

// ---- windows in a row -------------------------------------------------------------------------------------------------

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

// ---- side by side -----------------------------------------------------------------------------------------------------

function drawFields(area, data, memory, width) {
  const { pictures, name } = parts(area, memory, "fields", () => frameOf(area, () => [...area.querySelectorAll(".pictures svg")]))
  name(data.title, data.note)
  pictures.replaceChildren()
  const side = Math.max(...data.fields.map(({ rows }) => rows.length))
  const cell = Math.max(2, Math.min(20, 170 / side, (width - APART - 12) / 2 / side))
  for (const { label, note, rows } of data.fields) {
    const figure = html(pictures, "figure", { style: `width:${round(side * cell + 4)}px` })
    const caption = html(figure, "figcaption")
    html(caption, "b", {}, label)
    caption.append(` · ${note}`)
    const picture = plot(figure, round(side * cell + 4), round(side * cell + 4), `${label}: ${note}`, "img")
    picture.style.maxWidth = "100%"
    const places = range(side)
    const read = (y, x) => Number(rows[y][x] === "#")
    const axis = (holds) => places.filter((place) => places.some((other) => holds(place, other)))
    drawReached(picture, { rows: axis(read), columns: axis((x, y) => read(y, x)), ways: read }, [0, side - 1], cell)
  }
}
