// Shared by the product's components: put before each component's own script when it is registered.
// Everything a user may have typed reaches the page through textContent or setAttribute, never through markup.

const SVG_NS = "http://www.w3.org/2000/svg"

function add(parent, namespace, tag, attributes = {}, text) {
  const node = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value)
  }
  if (text !== undefined) node.textContent = text
  parent.append(node)
  return node
}

const svg = (parent, tag, attributes, text) => add(parent, SVG_NS, tag, attributes, text)
const html = (parent, tag, attributes, text) => add(parent, null, tag, attributes, text)

// ---- what every component begins with ----------------------------------------------------------------------------------

const CLICK_MS = 80 // a touch's click comes this long after its pointer is up, at most
const LONGEST_PRESS_MS = 10_000

// What must survive a redraw (focus, drags, sizes), one for each mounted component.
const memories = new WeakMap()
function memoryOf(parentElement) {
  if (!memories.has(parentElement)) memories.set(parentElement, { observers: [] })
  return memories.get(parentElement)
}

// A component: its root, its memory, its tooltip and its commands, handed to what draws it. The tooltip stays over a
// redraw where what it tells of stays, too. `follow` is not held back while something is pressed.
const component = (draw, { keepsTip = false, follow } = {}) => ({ data, parentElement, setTriggerValue }) => {
  const memory = memoryOf(parentElement)
  const root = parentElement.querySelector(".root") || html(parentElement, "div", { class: "root" })
  applyPalette(root, data.palette)
  if (data.commands) memory.commands = connect(parentElement, data.commands, setTriggerValue)
  const tip = tooltip(root)
  follow?.({ data, root })
  redraw(root, memory, () => {
    if (!keepsTip) tip.hide()
    draw({ data, root, memory, tip, send: memory.commands?.send })
  })
  // A call that a newer one has overtaken is cleaned up while the component stays.
  return () => {
    if (!parentElement.isConnected) disconnect(memory)
  }
}

function disconnect(memory) {
  for (const observer of memory.observers) observer.disconnect()
  memory.observers = []
}

// Between press and release a redraw would take the pressed element away, and its click with it: it waits.
function redraw(root, memory, draw) {
  memory.draw = draw
  if (!memory.pressable) {
    memory.pressable = true
    const ends = ["pointerup", "pointercancel", "blur"]
    const release = (event) => {
      if (event.type === "blur" && event.target !== window) return // a field loses its focus by the press itself
      for (const kind of ends) window.removeEventListener(kind, release, true)
      setTimeout(() => {
        memory.pressed = 0
        memory.draw?.()
        memory.draw = null
      }, CLICK_MS)
    }
    root.addEventListener("pointerdown", (event) => {
      if (event.button) return
      memory.pressed = performance.now()
      for (const kind of ends) window.addEventListener(kind, release, true)
    }, true)
  }
  if (memory.pressed && performance.now() - memory.pressed < LONGEST_PRESS_MS) return
  memory.draw = null
  draw()
}

// One colour per kind of operation; light-dark() follows the theme's color-scheme without a re-render.
function applyPalette(root, palette) {
  for (const [kind, { light, dark }] of Object.entries(palette)) {
    root.style.setProperty(`--kind-${kind}`, `light-dark(${light}, ${dark})`)
  }
}
const kindColor = (kind) => `var(--kind-${kind}, var(--st-text-color))`

// One of the icons of Streamlit's own font, by its name there.
const drawIcon = (parent, name) => html(parent, "span", { class: "symbol", "aria-hidden": "true" }, name)

// The line above a picture: what it is, and in what terms.
function titleLine(area, title, note) {
  const line = html(area, "div", { class: "title" })
  html(line, "b", {}, title)
  html(line, "span", {}, note)
  return line
}

// The tooltip lives in the component's root and follows the pointer or the focused element.
function tooltip(root) {
  const box = root.querySelector(".tip") || html(root, "div", { class: "tip", "aria-hidden": "true" })
  return {
    show(facts, x, y) {
      box.replaceChildren()
      for (const [name, value] of facts) {
        html(box, "span", { class: "tip-name" }, name)
        html(box, "span", {}, value)
      }
      box.classList.add("shown")
      const frame = root.getBoundingClientRect()
      const left = Math.min(Math.max(4, x - frame.left + 14), Math.max(4, frame.width - box.offsetWidth - 4))
      const below = y - frame.top + 16
      box.style.left = `${left}px`
      box.style.top = `${below + box.offsetHeight > frame.height ? Math.max(0, y - frame.top - box.offsetHeight - 12) : below}px`
    },
    hide() {
      box.classList.remove("shown")
    },
  }
}

// Hover and focus show the facts of an element; where something can be chosen, so do click and Enter.
function interactive(node, { facts, tip, choose }) {
  node.addEventListener("pointermove", (event) => tip.show(facts, event.clientX, event.clientY))
  node.addEventListener("pointerleave", () => tip.hide())
  node.addEventListener("focus", () => {
    const at = node.getBoundingClientRect()
    if (node.matches(":focus-visible")) tip.show(facts, at.left, at.bottom)
  })
  node.addEventListener("blur", () => tip.hide())
  if (!choose) return
  node.addEventListener("click", choose)
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault()
      choose()
    }
  })
}

// Arrow keys walk over the elements; only one of them is a tab stop.
function rovingFocus(elements, current) {
  elements.forEach((element, index) => {
    element.setAttribute("tabindex", index === current ? "0" : "-1")
    element.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
      const target = event.key === "Home" ? 0 : event.key === "End" ? elements.length - 1 : index + step
      if (!(target >= 0 && target < elements.length)) return
      event.preventDefault()
      elements[index].setAttribute("tabindex", "-1")
      elements[target].setAttribute("tabindex", "0")
      elements[target].focus()
    })
  })
}

// Give the focus to an element of another component of the page, by the key of its mount.
function focusElsewhere(key, selector, pick) {
  for (const host of document.querySelectorAll(`.st-key-${key} *`)) {
    const found = host.shadowRoot ? [...host.shadowRoot.querySelectorAll(selector)] : []
    if (found.length) return pick(found).focus()
  }
}

// Run `draw` now and whenever the width changes.
function onWidth(element, memory, draw) {
  disconnect(memory)
  let width = element.clientWidth
  draw(width || 720)
  observe(element, memory, () => {
    if (Math.abs(element.clientWidth - width) < 2) return
    width = element.clientWidth
    draw(width || 720)
  })
}

function observe(element, memory, changed) {
  const observer = new ResizeObserver(changed)
  observer.observe(element)
  memory.observers.push(observer)
}

const COPIED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
  "opacity", "filter", "image-rendering", "paint-order", "stroke-linejoin", "font-family", "font-size", "font-weight", "text-anchor",
  "dominant-baseline"]

// The picture as it looks now, with the theme's colours written into it, so that the file stands alone.
function standalone(picture, background) {
  const copy = picture.cloneNode(true)
  const originals = [picture, ...picture.querySelectorAll("*")]
  const copies = [copy, ...copy.querySelectorAll("*")]
  originals.forEach((original, index) => {
    const style = getComputedStyle(original)
    for (const name of COPIED) copies[index].setAttribute(name, style.getPropertyValue(name))
    for (const name of ["style", "class", "tabindex", "role"]) copies[index].removeAttribute(name)
  })
  for (const mark of copy.querySelectorAll("[data-place]")) mark.remove() // to edit, not to be read
  const { width, height } = picture.viewBox.baseVal
  copy.setAttribute("xmlns", SVG_NS)
  copy.setAttribute("width", width)
  copy.setAttribute("height", height)
  const paper = document.createElementNS(SVG_NS, "rect")
  for (const [key, value] of Object.entries({ width: "100%", height: "100%", fill: background })) paper.setAttribute(key, value)
  copy.prepend(paper)
  return new XMLSerializer().serializeToString(copy)
}

const SAVED_PX = 512 // width of a saved picture, at least

function save(blob, name) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

function savePicture(picture, title, kind) {
  const name = title.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60) || "network"
  const background = getComputedStyle(picture).getPropertyValue("--st-background-color").trim() || "white"
  const blob = new Blob([standalone(picture, background)], { type: "image/svg+xml" })
  if (kind === "svg") return save(blob, `${name}.svg`)
  const image = new Image()
  image.onload = () => {
    const canvas = document.createElement("canvas")
    const scale = Math.max(2, Math.ceil(SAVED_PX / image.width))
    canvas.width = image.width * scale
    canvas.height = image.height * scale
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
    URL.revokeObjectURL(image.src)
    canvas.toBlob((png) => save(png, `${name}.png`), "image/png")
  }
  image.src = URL.createObjectURL(blob)
}

// Two buttons at the end of a title line, one for each kind of file.
function pictureTools(title) {
  const tools = html(title, "span", { class: "push" })
  return ["svg", "png"].map((kind) =>
    html(tools, "button", { class: "tool", type: "button", value: kind, title: `Save this picture as ${kind.toUpperCase()}` }, kind.toUpperCase()))
}

// ---- numbers and legends ------------------------------------------------------------------------------------------------

// The style of explorer/text, whatever language the browser speaks: commas between thousands, a true minus, a space
// before a unit and before %.

const minus = (text) => text.replaceAll("-", "−")

// To make a formatter takes far longer than to use it.
const formatters = new Map()
function formatter(options) {
  const key = JSON.stringify(options)
  if (!formatters.has(key)) formatters.set(key, new Intl.NumberFormat("en", options))
  return formatters.get(key)
}

// With a fixed number of digits behind the point; a difference has its sign, and what is rounded to 0 has none.
const formatDecimal = (value, digits, signed = false) => minus(formatter({
  minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: signed ? "exceptZero" : "negative",
}).format(value))

// With as many significant digits as tell something; 15 are all that a number has.
const formatDigits = (value, digits = 15) => minus(formatter({ maximumSignificantDigits: digits, signDisplay: "negative" }).format(value))

// A number with every digit; text stays as it is.
const formatCount = (value) => (typeof value === "number" ? formatDigits(value) : String(value))

const formatShare = (share, digits = 1) => `${formatDecimal(100 * share, digits)} %`

// Four significant digits; what is no number says so.
function formatNumber(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "not finite"
  if (value && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) return minus(value.toExponential(2).replace("e+", "e"))
  return formatDigits(value, 4)
}

// 12,345,678 → 12.3 M, three significant digits; below ten thousand every digit of the whole number.
function formatSi(value) {
  if (Math.abs(value) < 1e4) return formatDecimal(value, 0)
  const units = ["k", "M", "G", "T"]
  const power = units.findIndex((unit, index) => Math.abs(value) / 1000 ** (index + 1) < 999.5 || unit === "T")
  const scaled = value / 1000 ** (power + 1), size = Math.abs(scaled)
  return `${formatDecimal(scaled, size < 9.995 ? 2 : size < 99.95 ? 1 : 0)} ${units[power]}`
}

const round = (value) => Math.round(value * 10) / 10

// What the colours of the kinds mean, those that were drawn.
function kindsLegend(area, data, kinds) {
  const legend = html(area, "div", { class: "legend" })
  for (const [kind, { label }] of Object.entries(data.palette)) {
    if (!kinds.has(kind)) continue
    const item = html(legend, "span")
    html(item, "i", { style: `background:${kindColor(kind)}` })
    html(item, "span", {}, label)
  }
}

// A line of all colours of a map, with the numbers at its ends. scale: {png, low, high}.
function colorScale(parent, scale, unit) {
  const line = html(parent, "div", { class: "scale" })
  html(line, "span", {}, formatNumber(scale.low))
  html(line, "img", { src: `data:image/png;base64,${scale.png}`, alt: `Colours from ${formatNumber(scale.low)} to ${formatNumber(scale.high)}` })
  html(line, "span", {}, `${formatNumber(scale.high)}${unit ? ` ${unit}` : ""}`)
  return line
}
