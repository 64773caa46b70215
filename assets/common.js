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

// A place for what must survive a re-render (focus, drags, sizes), one per mounted component.
const memories = new WeakMap()
function memoryOf(parentElement, make) {
  if (!memories.has(parentElement)) memories.set(parentElement, make())
  return memories.get(parentElement)
}

// One colour per kind of operation; light-dark() follows the theme's color-scheme without a re-render.
function applyPalette(root, palette) {
  for (const [kind, { light, dark }] of Object.entries(palette)) {
    root.style.setProperty(`--kind-${kind}`, `light-dark(${light}, ${dark})`)
  }
}
const colour = (kind) => `var(--kind-${kind}, var(--st-text-color))`

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
function rove(elements, current) {
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

// Run `draw` now and whenever the width changes; returns what undoes it.
function onWidth(element, memory, draw) {
  memory.observer?.disconnect()
  let width = element.clientWidth
  draw(width || 720)
  memory.observer = new ResizeObserver(() => {
    if (Math.abs(element.clientWidth - width) < 2) return
    width = element.clientWidth
    draw(width || 720)
  })
  memory.observer.observe(element)
}

const COPIED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
  "opacity", "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline"]

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
  const { width, height } = picture.viewBox.baseVal
  copy.setAttribute("xmlns", SVG_NS)
  copy.setAttribute("width", width)
  copy.setAttribute("height", height)
  const paper = document.createElementNS(SVG_NS, "rect")
  for (const [key, value] of Object.entries({ width: "100%", height: "100%", fill: background })) paper.setAttribute(key, value)
  copy.prepend(paper)
  return new XMLSerializer().serializeToString(copy)
}

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
    const scale = 2
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

// ---- charts -------------------------------------------------------------------------------------------------------------

const FACES = ["circle", "square", "triangle", "diamond", "cross", "star", "bar", "ring"] // beside colour, one a line

const hue = (line) => `light-dark(${line.colour.light}, ${line.colour.dark})`

function face(parent, index, x, y, r, fill) {
  const kind = FACES[index % FACES.length]
  const style = kind === "ring" || kind === "cross" ? `fill:none;stroke:${fill};stroke-width:2` : `fill:${fill}`
  const at = (points) => points.map(([a, b]) => `${x + a * r},${y + b * r}`).join(" ")
  if (kind === "circle" || kind === "ring") return svg(parent, "circle", { cx: x, cy: y, r, style })
  if (kind === "cross") return svg(parent, "path", { d: `M ${x - r} ${y - r} L ${x + r} ${y + r} M ${x - r} ${y + r} L ${x + r} ${y - r}`, style })
  const shapes = {
    square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    triangle: [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
    diamond: [[0, -1.25], [1.1, 0], [0, 1.25], [-1.1, 0]],
    bar: [[-1.2, -0.5], [1.2, -0.5], [1.2, 0.5], [-1.2, 0.5]],
    star: [[0, -1.3], [0.35, -0.35], [1.3, 0], [0.35, 0.35], [0, 1.3], [-0.35, 0.35], [-1.3, 0], [-0.35, -0.35]],
  }
  return svg(parent, "polygon", { points: at(shapes[kind]), style })
}

const round = (value) => Math.round(value * 10) / 10

// Round numbers between two, about so many.
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count)
  const unit = 10 ** Math.floor(Math.log10(rough || 1))
  const step = [1, 2, 5, 10].find((factor) => factor * unit >= rough) * unit
  const found = []
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high * (1 + 1e-9) && found.length < 30; index += 1) found.push(Number((index * step).toPrecision(12)))
  return found
}

// What the colours of the kinds mean, those that were drawn.
function kindsLegend(area, data, kinds) {
  const legend = html(area, "div", { class: "legend" })
  for (const [kind, { label }] of Object.entries(data.palette)) {
    if (!kinds.has(kind)) continue
    const item = html(legend, "span")
    html(item, "i", { style: `background:${colour(kind)}` })
    html(item, "span", {}, label)
  }
}

// A line of all colours of a map, with the numbers at its ends. scale: {png, low, high}.
function colourScale(parent, scale, unit) {
  const line = html(parent, "div", { class: "scale" })
  html(line, "span", {}, short(scale.low))
  html(line, "img", { src: `data:image/png;base64,${scale.png}`, alt: `Colours from ${short(scale.low)} to ${short(scale.high)}` })
  html(line, "span", {}, `${short(scale.high)}${unit ? ` ${unit}` : ""}`)
  return line
}

// Four significant digits; a real minus sign; what is no number says so.
function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "not finite"
  const text = value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(2) : Number(value.toPrecision(4)).toString()
  return text.replaceAll("-", "−")
}
