// Learning curves that grow under the eye: every update changes the same SVG, so zoom, hidden runs and the cross stay.
// data: {runs: [{id, title, steps, colour}], panels: [{key, title, note, format, lines: [{run, name, marked, step, second,
// value, low, high}], levels: [[value, name]]}], view: {x, smooth, log}, kept: {run: {step: what its checkpoint is}}}; triggers "view": the same
// three, when the visitor changes one, and "open": {run, step} of a kept checkpoint that is clicked.

const HIGH = 250, LEFT = 48, RIGHT = 12, TOP = 10, BOTTOM = 26
const REACH = 14 // pixels from a click to the point that is meant

export default component(({ data, root, memory, tip, send }) => {
  if (!memory.panels) {
    Object.assign(memory, { hidden: new Set(), zoom: null, view: { ...data.view }, panels: new Map() })
    html(root, "div", { class: "tools", role: "group", "aria-label": "How the curves are drawn" })
    html(root, "div", { class: "panels" })
    html(root, "div", { class: "runs", role: "group", "aria-label": "Runs shown" })
  }
  memory.data = data
  const redraw = () => {
    tools(root, memory, redraw, (view) => send("view", view))
    for (const panel of memory.data.panels) drawPanel(frame(root, memory, panel, tip, redraw, send), panel, memory)
    for (const [key, frame] of memory.panels) {
      if (memory.data.panels.some((panel) => panel.key === key)) continue
      frame.box.remove()
      memory.panels.delete(key)
    }
    legend(root, memory, redraw)
  }
  redraw()
  onWidth(root, memory, redraw)
}, { keepsTip: true })

// ---- controls -----------------------------------------------------------------------------------------------------------

function tools(root, memory, redraw, tell) {
  const bar = root.querySelector(".tools")
  const change = (fields, done = true) => {
    Object.assign(memory.view, fields)
    if ("x" in fields) memory.zoom = null
    redraw()
    if (done) tell({ ...memory.view })
  }
  if (!bar.childElementCount) {
    const axis = html(bar, "span", { class: "choice", role: "radiogroup", "aria-label": "Horizontal axis" })
    for (const [value, text] of [["step", "step"], ["epoch", "epoch"], ["second", "time"]]) {
      html(axis, "button", { type: "button", role: "radio", "data-x": value }, text).addEventListener("click", () => change({ x: value }))
    }
    const smoothing = html(bar, "label", {}, "smoothing")
    const range = html(smoothing, "input", { type: "range", min: 0, max: 0.99, step: 0.01, "aria-label": "Smoothing" })
    const shown = html(smoothing, "span", { class: "amount" })
    shown.style.minWidth = "2.2em"
    range.addEventListener("input", () => change({ smooth: Number(range.value) }, false))
    range.addEventListener("change", () => change({ smooth: Number(range.value) }))
    html(bar, "button", { type: "button", class: "tool log" }, "log scale").addEventListener("click", () => change({ log: !memory.view.log }))
    const whole = html(bar, "button", { type: "button", class: "tool whole push" }, "whole range")
    whole.addEventListener("click", () => { memory.zoom = null; redraw() })
  }
  for (const button of bar.querySelectorAll("[data-x]")) button.setAttribute("aria-checked", String(button.dataset.x === memory.view.x))
  bar.querySelector("input").value = memory.view.smooth
  bar.querySelector(".amount").textContent = formatDecimal(Number(memory.view.smooth), 2)
  bar.querySelector(".log").setAttribute("aria-pressed", String(memory.view.log))
  bar.querySelector(".whole").hidden = memory.zoom === null
}

function legend(root, memory, redraw) {
  const box = root.querySelector(".runs")
  const { runs } = memory.data
  const written = JSON.stringify([runs.map((run) => [run.id, run.title]), [...memory.hidden]])
  if (memory.legend === written) return
  memory.legend = written
  box.replaceChildren()
  runs.forEach((run, index) => {
    const shown = !memory.hidden.has(run.id)
    const button = html(box, "button", { type: "button", class: "run", "aria-pressed": String(shown), "data-run": run.id, title: `${run.title}: click hides or shows it` })
    markerIcon(button, index, color(run))
    html(button, "span", {}, run.title)
    button.addEventListener("click", () => {
      shown ? memory.hidden.add(run.id) : memory.hidden.delete(run.id)
      redraw()
      box.querySelector(`[data-run="${CSS.escape(run.id)}"]`)?.focus()
    })
  })
  const key = html(box, "span", { class: "key" })
  const example = svg(key, "svg", { width: 74, height: 12, "aria-hidden": "true" })
  svg(example, "line", { x1: 0, x2: 26, y1: 6, y2: 6, stroke: "currentColor", "stroke-width": 1.3 })
  svg(example, "line", { x1: 42, x2: 72, y1: 6, y2: 6, stroke: "currentColor", "stroke-width": 2.2 })
  svg(example, "circle", { cx: 57, cy: 6, r: 3.5, fill: "currentColor" })
  html(key, "span", {}, memory.data.kept ? "thin: training · marked: whole epochs · ringed: its checkpoint is kept, a click opens it" : "thin: training · marked: whole epochs")
}

// ---- one panel ----------------------------------------------------------------------------------------------------------

// Made once for a key and kept: what follows only changes what is in it.
function frame(root, memory, panel, tip, redraw, send) {
  const known = memory.panels.get(panel.key)
  if (known) return known
  const box = html(root.querySelector(".panels"), "div", { class: "panel", "data-panel": panel.key })
  const title = titleLine(box)
  const picture = svg(box, "svg", { height: HIGH, tabindex: 0, role: "img" })
  const clip = `clip-${panel.key}-${Math.random().toString(36).slice(2)}`
  svg(svg(svg(picture, "defs"), "clipPath", { id: clip }), "rect", { y: 0, x: LEFT, height: HIGH - BOTTOM })
  const made = {
    box, picture, title,
    axes: svg(picture, "g"),
    strokes: svg(picture, "g", { "clip-path": `url(#${clip})` }),
    lasso: svg(picture, "rect", { class: "lasso", y: TOP, height: HIGH - TOP - BOTTOM }),
    cross: svg(picture, "line", { class: "cross", y1: TOP, y2: HIGH - BOTTOM }),
  }
  memory.panels.set(panel.key, made)
  watch(made, memory, tip, redraw, send)
  return made
}

// Where the points of a line are on the horizontal axis.
function along(line, runs, kind) {
  if (kind === "second") return line.second
  const steps = Math.max(1, runs[line.run].steps)
  return kind === "epoch" ? line.step.map((step) => step / steps) : line.step
}

// The running mean that gives the past the weight `amount` per point, without pull towards its start.
function smoothed(values, amount) {
  if (!amount) return values
  let sum = 0, weight = 0
  return values.map((value) => {
    sum = amount * sum + (1 - amount) * value
    weight = amount * weight + (1 - amount)
    return sum / weight
  })
}

function drawPanel(frame, panel, memory) {
  const { runs } = memory.data
  const { x: kind, smooth } = memory.view
  const width = Math.max(240, frame.picture.clientWidth || frame.box.clientWidth || 400)
  frame.title.querySelector("b").textContent = panel.title
  frame.title.querySelector("span").textContent = panel.note
  frame.picture.setAttribute("viewBox", `0 0 ${width} ${HIGH}`)
  frame.picture.querySelector("clipPath rect").setAttribute("width", width - LEFT - RIGHT + 4)
  const lines = panel.lines
    .filter((line) => runs[line.run] && !memory.hidden.has(runs[line.run].id) && line.step.length)
    .map((line) => ({ ...line, at: along(line, runs, kind), drawn: line.marked ? line.value : smoothed(line.value, smooth) }))
  const ends = lines.flatMap((line) => [line.at[0], line.at[line.at.length - 1]])
  let [from, to] = memory.zoom || [kind === "step" ? Math.min(0, ...ends) : 0, Math.max(0, ...ends)]
  if (!(to > from)) to = from + 1
  const seen = lines.flatMap((line) => line.drawn.filter((_, index) => line.at[index] >= from && line.at[index] <= to))
  const log = memory.view.log && seen.some((value) => value > 0)
  const [low, high] = heights(seen, log, panel.format)
  const x = (value) => LEFT + (width - LEFT - RIGHT) * (value - from) / (to - from)
  const scaled = (value) => (log ? Math.log10(Math.max(value, 1e-12)) : value)
  const y = (value) => TOP + (HIGH - TOP - BOTTOM) * (1 - (scaled(value) - scaled(low)) / (scaled(high) - scaled(low) || 1))

  frame.axes.replaceChildren()
  const rows = ticks({ low, high, log }, 5), words = distinct(rows, panel.format)
  gridRows(frame.axes, rows, y, LEFT, width - RIGHT, (value) => words[rows.indexOf(value)])
  const across = ticks({ low: from, high: to }, Math.max(2, Math.floor(width / 90))).filter((value) => x(value) <= width - RIGHT + 1)
  gridColumns(frame.axes, across, x, null, HIGH - BOTTOM, kind === "second" ? clock : formatCount)

  const levels = (panel.levels || []).filter(([value]) => value >= low && value <= high)
  for (const [value, name] of levels) {
    svg(frame.axes, "line", { class: "level", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) })
    tickText(frame.axes, width - RIGHT - 2, y(value) - 4, `${name} ${written(value, panel.format)}`, { class: "levelname", "text-anchor": "end" })
  }

  frame.strokes.replaceChildren()
  if (!lines.length) tickText(frame.axes, width / 2, HIGH / 2, memory.hidden.size ? "all hidden" : "waiting for the first numbers", { "text-anchor": "middle" })
  for (const line of lines) {
    const style = `stroke:${color(runs[line.run])}`
    const places = (values) => values.map((value, index) => [x(line.at[index]), y(value)])
    const spread = line.low.some((value, index) => value < line.high[index])
    if (spread && !smooth) {
      svg(frame.strokes, "path", { class: "band", d: `${course(places(line.high))}${course(places(line.low).reverse(), true)}Z`, style: `fill:${color(runs[line.run])}` })
    }
    if (smooth && !line.marked) svg(frame.strokes, "path", { class: "raw", d: course(places(line.value)), style })
    svg(frame.strokes, "path", { class: "line", d: course(places(line.drawn)), style, "stroke-width": line.marked ? 2.2 : 1.3, "data-line": line.name, "data-points": line.step.length })
    const every = Math.ceil(line.at.length / 40)
    if (line.marked || line.at.length === 1) line.at.forEach((value, index) => {
      const [px, py] = [round(x(value)), round(y(line.drawn[index]))]
      if (keptAt(memory, line, index)) svg(frame.strokes, "circle", { class: "kept", cx: px, cy: py, r: 6.5, style })
      else if (index % every && index < line.at.length - 1) return
      marker(frame.strokes, line.run, px, py, 3.6, color(runs[line.run]))
    })
  }
  Object.assign(frame, { width, from, to, x, y, lines, panel })
  const latest = lines.map((line) => `${runs[line.run].title}, ${line.name}: ${told(line.value[line.value.length - 1], panel.format)}`)
  frame.picture.setAttribute("aria-label", `${panel.title} by ${kind === "second" ? "time" : kind}. Newest: ${latest.join("; ") || "nothing yet"}. ${(panel.levels || []).map(([value, name]) => `${name} ${written(value, panel.format)}. `).join("")}Arrow keys read the points, Enter opens a kept checkpoint, plus and minus zoom, Escape shows all.`)
}

// The lowest and the highest value of the vertical axis. A few wild first losses must not flatten all the rest.
function heights(values, log, format) {
  if (!values.length) return format === "percent" ? [0, 1] : [0, 1]
  const sorted = values.filter((value) => !log || value > 0).sort((a, b) => a - b)
  const wild = sorted.length > 40 ? sorted[Math.floor(sorted.length * 0.98)] * 1.6 : Infinity
  let low = sorted[0], high = Math.min(sorted[sorted.length - 1], wild)
  if (log) return low < high ? [low * 0.9, high * 1.1] : [low / 2, high * 2]
  const margin = (high - low || Math.abs(high) || 1) * 0.06
  low = low >= 0 ? Math.max(0, low - margin) : low - margin
  high += margin
  return [low, format === "percent" ? Math.min(1, high) : high]
}

// What the checkpoint of a point is, "" where it is not kept.
const keptAt = (memory, line, index) => (line.marked && memory.data.kept?.[memory.data.runs[line.run].id]?.[line.step[index]]) || ""

function written(value, format, digits = 3) {
  if (format === "percent") return `${formatDigits(Number((100 * value).toFixed((Math.abs(value) < 0.1 || Math.abs(value) > 0.9 ? 1 : 0) + digits - 3)))} %`
  return amount(value, digits, 1e4)
}

// One value of a line: accuracies always with two digits behind the point.
const told = (value, format) => (format === "percent" ? formatShare(value, 2) : amount(value, 4, 1e4))

// The numbers of an axis with as many digits as tell neighbours apart.
function distinct(values, format) {
  for (let digits = 3; ; digits += 1) {
    const words = values.map((value) => written(value, format, digits))
    if (new Set(words).size === words.length || digits === 12) return words
  }
}

function clock(seconds) {
  const whole = Math.round(seconds)
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (number) => String(number).padStart(2, "0")
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

// ---- the hand -----------------------------------------------------------------------------------------------------------

function watch(frame, memory, tip, redraw, send) {
  const { picture, lasso, cross } = frame
  let pressed = null
  const inside = (event) => Math.min(frame.width - RIGHT, Math.max(LEFT, event.clientX - picture.getBoundingClientRect().left))
  const value = (pixel) => frame.from + (frame.to - frame.from) * (pixel - LEFT) / (frame.width - LEFT - RIGHT)

  function read(at, clientX, clientY) {
    const kind = memory.view.x
    cross.setAttribute("x1", frame.x(at))
    cross.setAttribute("x2", frame.x(at))
    cross.style.visibility = "visible"
    const facts = [[kind === "second" ? "time" : kind, kind === "second" ? clock(at) : formatDigits(at, 6)]]
    let kept = null
    for (const line of frame.lines) {
      const index = nearest(line.at, at)
      if (line.marked && memory.data.kept) kept = keptAt(memory, line, index) || kept || "not kept: only the last two and the best are"
      const raw = memory.view.smooth && !line.marked ? ` (smoothed ${told(line.drawn[index], frame.panel.format)})` : ""
      facts.push([`${memory.data.runs[line.run].title.slice(0, 28)} · ${line.name}`, `${told(line.value[index], frame.panel.format)}${raw}`])
    }
    if (kept) facts.splice(1, 0, ["checkpoint", kept])
    tip.show(facts.slice(0, 18), clientX, clientY)
  }
  // The kept checkpoint of the marked point nearest to a click, or to where the keyboard reads.
  function open(at, height = null) {
    const found = frame.lines.flatMap((line) => {
      const index = line.marked ? nearest(line.at, at) : -1
      const far = Math.hypot(frame.x(line.at[index]) - frame.x(at), height === null ? 0 : frame.y(line.drawn[index]) - height)
      return keptAt(memory, line, index) && far <= REACH ? [{ far, run: memory.data.runs[line.run].id, step: line.step[index] }] : []
    })
    const best = found.sort((one, other) => one.far - other.far)[0]
    if (best) send("open", { run: best.run, step: best.step })
  }
  function leave() {
    cross.style.visibility = "hidden"
    tip.hide()
  }

  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return
    pressed = inside(event)
    picture.setPointerCapture(event.pointerId)
  })
  picture.addEventListener("pointermove", (event) => {
    const here = inside(event)
    if (pressed !== null) {
      lasso.setAttribute("x", Math.min(pressed, here))
      lasso.setAttribute("width", Math.abs(here - pressed))
      lasso.style.visibility = "visible"
    }
    read(value(here), event.clientX, event.clientY)
  })
  picture.addEventListener("pointerup", (event) => {
    const here = inside(event)
    lasso.style.visibility = "hidden"
    if (pressed !== null && Math.abs(here - pressed) > 6) {
      memory.zoom = [value(Math.min(pressed, here)), value(Math.max(pressed, here))]
      redraw()
    } else if (pressed !== null) open(value(here), event.clientY - picture.getBoundingClientRect().top)
    pressed = null
  })
  picture.addEventListener("pointercancel", () => { pressed = null; lasso.style.visibility = "hidden" })
  picture.addEventListener("pointerleave", leave)
  picture.addEventListener("blur", leave)
  picture.addEventListener("dblclick", () => { memory.zoom = null; redraw() })
  picture.addEventListener("keydown", (event) => {
    const middle = memory.at ?? frame.to
    const span = frame.to - frame.from
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const points = frame.lines.reduce((most, line) => (line.at.length > most.length ? line.at : most), [])
      if (!points.length) return
      const index = nearest(points, middle) + (event.key === "ArrowRight" ? 1 : -1)
      memory.at = points[Math.max(0, Math.min(points.length - 1, index))]
      const place = picture.getBoundingClientRect()
      read(memory.at, place.left + frame.x(memory.at), place.top + TOP)
    } else if (event.key === "+" || event.key === "=") memory.zoom = [Math.max(0, middle - span / 4), Math.max(0, middle - span / 4) + span / 2]
    else if (event.key === "-") memory.zoom = [Math.max(0, frame.from - span / 2), frame.to + span / 2]
    else if (event.key === "Escape") memory.zoom = null
    else if (event.key === "Enter") return open(middle)
    else return
    event.preventDefault()
    if (!event.key.startsWith("Arrow")) redraw()
  })
}

function nearest(sorted, value) {
  let low = 0, high = sorted.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (sorted[middle] < value) low = middle
    else high = middle
  }
  return Math.abs(sorted[low] - value) <= Math.abs(sorted[high] - value) ? low : high
}
