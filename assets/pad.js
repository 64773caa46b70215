// A pad to draw on: with mouse, finger, pen or keys. The drawing travels while it grows.
// data: {text, said, label}: the drawing as explorer.datasets.format_strokes writes it, and how it is read.
// trigger "draw": the drawing as text, '' where it is empty; "grow": the same while a stroke is under way;
// "another": keep this one and begin a new one.

const SIDE = 100 // of the pad in its own units
const STEPS = 511
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
const MOST_LETTERS = 1500
const LEAST_STEP = 0.008 // between two points, as share of the pad
const TOLERANCE = 0.003 // by which a stroke may be smoothed
const KEY_STEP = 0.04
const PAUSE_MS = 400 // of a stroke under way, after which the whole page follows
const KEYS = {
  ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0],
  7: [-1, -1], 8: [0, -1], 9: [1, -1], 4: [-1, 0], 6: [1, 0], 1: [-1, 1], 2: [0, 1], 3: [1, 1],
}

export default component(({ data, root, memory, send }) => {
  memory.strokes ??= []
  if (!memory.commands.isBusy() && !memory.down && write(memory.strokes) !== data.text) memory.strokes = read(data.text)
  if (!root.querySelector(".pad")) build(root, memory, send)
  root.querySelector(".pad").setAttribute("aria-label", `${data.label}. Press and move to draw. By keys: arrows or the digits 1 to 9 move the pen, with Shift less far; Space sets it down and lifts it; Backspace takes the last stroke back, Delete all.`)
  tell({ data, root })
  draw(root, memory)
}, { follow: tell }) // the answer follows the hand, also while it is down

function tell({ data, root }) {
  const said = root.querySelector(".said")
  if (said && said.textContent !== data.said) said.textContent = data.said
}

function build(root, memory, send) {
  const box = html(root, "div", { class: "all" })
  const pad = svg(box, "svg", { class: "pad", viewBox: `0 0 ${SIDE} ${SIDE}`, tabindex: 0, role: "application" })
  svg(pad, "g", { class: "ink" })
  svg(pad, "path", { class: "cursor" })
  const row = html(box, "div", { class: "row" })
  const button = (label, hint, act) => html(row, "button", { type: "button", class: "act", title: hint }, label).addEventListener("click", act)
  const changed = () => {
    draw(root, memory)
    clearTimeout(memory.pause)
    memory.commands.withdraw()
    send("draw", write(memory.strokes))
  }
  const grow = () => {
    draw(root, memory)
    clearTimeout(memory.pause)
    memory.rests = false
    memory.pause = setTimeout(() => {
      memory.rests = true
      changed()
    }, PAUSE_MS)
    memory.commands.offer("grow", write(memory.strokes))
  }
  const end = () => {
    memory.down = null
    if (memory.rests) draw(root, memory) // all of it is told
    else changed()
  }
  const undo = () => {
    if (!memory.strokes.length) return
    memory.down = null
    memory.strokes = memory.strokes.slice(0, -1)
    changed()
  }
  const clear = () => {
    if (!memory.strokes.length) return
    memory.down = null
    memory.strokes = []
    changed()
  }
  button("Undo", "Take the last stroke back (Backspace, Ctrl+Z)", undo)
  button("Clear", "Take all strokes back (Delete)", clear)
  button("Draw another", "Keep this drawing among the pictures and begin a new one", () => memory.strokes.length && send("another", null))
  html(box, "p", { class: "said", role: "status" })

  // ---- pointer ----
  // Where the pad was when the stroke began: should the page move under the hand, the stroke keeps its shape.
  const place = (event) => {
    const { left, top, width, height } = memory.frame
    return [(event.clientX - left) / width, (event.clientY - top) / height].map(inside)
  }
  pad.addEventListener("pointerdown", (event) => {
    if (event.button) return
    event.preventDefault() // no selection, no dragging of the page
    pad.focus({ preventScroll: true })
    pad.setPointerCapture(event.pointerId)
    memory.frame = pad.getBoundingClientRect()
    memory.down = "pointer"
    memory.keys = false
    memory.strokes = [...memory.strokes, [place(event)]]
    grow()
  })
  pad.addEventListener("pointermove", (event) => {
    if (memory.down !== "pointer") return
    const events = event.getCoalescedEvents?.() ?? []
    for (const each of events.length ? events : [event]) extend(memory, place(each))
    grow()
  })
  const up = () => {
    if (memory.down === "pointer") end()
  }
  pad.addEventListener("pointerup", up)
  pad.addEventListener("pointercancel", up)

  // ---- keys ----
  memory.cursor = [0.5, 0.5]
  pad.addEventListener("keydown", (event) => {
    const step = KEYS[event.key] || KEYS[event.code.replace("Numpad", "")]
    if (step && !event.ctrlKey && !event.metaKey) {
      const far = event.shiftKey ? KEY_STEP / 4 : KEY_STEP
      memory.keys = true
      memory.cursor = memory.cursor.map((at, axis) => inside(at + far * step[axis]))
      if (memory.down === "keys") {
        extend(memory, memory.cursor)
        grow()
      } else draw(root, memory)
    } else if (event.key === " ") {
      memory.keys = true
      if (memory.down) end()
      else {
        memory.down = "keys"
        memory.strokes = [...memory.strokes, [memory.cursor]]
        grow()
      }
    } else if (event.key === "Backspace" || (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey))) undo()
    else if (event.key === "Delete") clear()
    else return
    event.preventDefault()
    event.stopPropagation()
  })
  pad.addEventListener("blur", () => {
    memory.keys = false
    if (memory.down === "keys") end()
    else draw(root, memory)
  })
}

const inside = (share) => Math.min(1, Math.max(0, share))

function extend(memory, point) {
  const stroke = memory.strokes.at(-1)
  const [x, y] = stroke.at(-1)
  if (Math.hypot(point[0] - x, point[1] - y) < LEAST_STEP) return
  memory.strokes = [...memory.strokes.slice(0, -1), [...stroke, point]]
}

function draw(root, memory) {
  const ink = root.querySelector(".ink")
  ink.replaceChildren()
  for (const stroke of memory.strokes) {
    const [first] = stroke
    svg(ink, "path", { d: [...stroke, ...(stroke.length === 1 ? [first] : [])].map(([x, y], index) => `${index ? "L" : "M"}${round(SIDE * x)} ${round(SIDE * y)}`).join("") })
  }
  const cursor = root.querySelector(".cursor")
  const [x, y] = memory.cursor.map((share) => SIDE * share)
  cursor.setAttribute("d", `M${x - 4} ${y}H${x + 4}M${x} ${y - 4}V${y + 4}`)
  cursor.setAttribute("class", `cursor${memory.keys ? " shown" : ""}${memory.down === "keys" ? " down" : ""}`)
}

// ---- the drawing as text ------------------------------------------------------------------------------------------------

function write(strokes) {
  for (let tolerance = TOLERANCE; ; tolerance *= 2) {
    const text = strokes.map((stroke) => simplify(stroke, tolerance).map(letters).join("")).join(".")
    if (text.length <= MOST_LETTERS) return text
    if (tolerance > 1) return text.slice(0, text.lastIndexOf(".", MOST_LETTERS)) // hundreds of strokes
  }
}

function letters([x, y]) {
  const number = Math.round(x * STEPS) * (STEPS + 1) + Math.round(y * STEPS)
  return [12, 6, 0].map((shift) => LETTERS[(number >> shift) & 63]).join("")
}

function read(text) {
  return text.split(".").filter(Boolean).map((stroke) => (stroke.match(/.{3}/g) || []).map((each) => {
    const number = [...each].reduce((sum, letter) => sum * 64 + LETTERS.indexOf(letter), 0)
    return [Math.floor(number / (STEPS + 1)) / STEPS, (number % (STEPS + 1)) / STEPS]
  }))
}

// Ramer, Douglas & Peucker: no point of the stroke is farther than the tolerance from what is kept.
function simplify(points, tolerance) {
  if (points.length < 3) return points
  const [first, last] = [points[0], points.at(-1)]
  const [u, v] = [last[0] - first[0], last[1] - first[1]]
  const long = u * u + v * v
  let [most, at] = [0, 0]
  points.forEach(([x, y], index) => {
    const share = long ? Math.min(1, Math.max(0, ((x - first[0]) * u + (y - first[1]) * v) / long)) : 0
    const away = Math.hypot(x - first[0] - share * u, y - first[1] - share * v)
    if (away > most) [most, at] = [away, index]
  })
  if (most <= tolerance) return [first, last]
  return [...simplify(points.slice(0, at + 1), tolerance).slice(0, -1), ...simplify(points.slice(at), tolerance)]
}
