// What a network answers: sample images with its best answers, and the confusion matrix.
// data: {classes, confusion: [[images by true class (row) and answer (column)]], samples: {png, columns, width, height,
// labels} | null, answers: [[[class, probability], ...] per sample] | null, note}

export default function ({ data, parentElement }) {
  const memory = memoryOf(parentElement, () => ({}))
  let root = parentElement.querySelector(".root")
  if (!root) {
    root = html(parentElement, "div", { class: "root" })
    const both = html(root, "div", { class: "both" })
    html(both, "div", { class: "half samples" })
    html(both, "div", { class: "half matrix" })
  }
  const tip = tooltip(root)
  const [left, right] = [root.querySelector(".samples"), root.querySelector(".matrix")]
  left.hidden = !(data.samples && data.answers)
  if (!left.hidden) drawSamples(left, data, memory, tip)
  onWidth(right, memory, (width) => drawMatrix(right, data, Math.max(240, width), tip))
  return () => memory.observer?.disconnect()
}

const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)} %`

function drawSamples(area, data, memory, tip) {
  const { samples, answers, classes } = data
  const right = answers.filter((best, index) => best.length && best[0][0] === samples.labels[index]).length
  let tiles = area.querySelector(".tiles")
  if (!tiles || memory.png !== samples.png) {
    area.replaceChildren()
    const title = html(area, "div", { class: "title" })
    html(title, "b", {}, "Test images and answers")
    html(title, "span", { class: "count" })
    tiles = html(area, "div", { class: "tiles" })
    samples.labels.forEach(() => {
      const tile = html(tiles, "div", { class: "tile", tabindex: 0 })
      html(tile, "canvas", { width: samples.width, height: samples.height, "aria-hidden": "true" })
      html(tile, "div", { class: "said" })
      html(html(tile, "div", { class: "bar" }), "i")
      html(tile, "div", { class: "truth" })
    })
    const sheet = new Image()
    sheet.onload = () => [...tiles.querySelectorAll("canvas")].forEach((canvas, index) => {
      const [x, y] = [(index % samples.columns) * samples.width, Math.floor(index / samples.columns) * samples.height]
      canvas.getContext("2d").drawImage(sheet, x, y, samples.width, samples.height, 0, 0, samples.width, samples.height)
    })
    sheet.src = `data:image/png;base64,${samples.png}`
    memory.png = samples.png
  }
  area.querySelector(".count").textContent = `${right} of ${samples.labels.length} right, ${data.note}`
  ;[...tiles.children].forEach((tile, index) => {
    const best = answers[index] || []
    if (!best.length) return
    const truth = classes[samples.labels[index]], said = classes[best[0][0]], wrong = best[0][0] !== samples.labels[index]
    tile.classList.toggle("wrong", wrong)
    tile.querySelector(".said").textContent = `${wrong ? "✗" : "✓"} ${said}`
    tile.querySelector(".bar i").style.width = `${100 * best[0][1]}%`
    tile.querySelector(".truth").textContent = wrong ? `is ${truth}` : percent(best[0][1])
    tile.setAttribute("role", "img")
    tile.setAttribute("aria-label", `Shows ${truth}; answers ${best.map(([kind, share]) => `${classes[kind]} ${percent(share)}`).join(", ")}`)
    const facts = [["shows", truth], ...best.map(([kind, share]) => [classes[kind], percent(share)])]
    tile.onpointermove = (event) => tip.show(facts, event.clientX, event.clientY)
    tile.onpointerleave = () => tip.hide()
  })
}

function drawMatrix(area, data, width, tip) {
  const { classes, confusion } = data
  const count = confusion.length
  area.replaceChildren()
  const title = html(area, "div", { class: "title" })
  html(title, "b", {}, "Confusion matrix")
  html(title, "span", {}, `all test images, ${data.note}`)
  const named = count <= 20
  const left = named ? Math.min(110, 12 + 6.2 * Math.max(...classes.map((name) => Math.min(name.length, 15)))) : 20
  const side = Math.min(Math.floor((Math.min(width, 640) - left - 6) / count), 44)
  const cell = Math.max(2, side)
  const top = 18, bottom = named ? left : 8
  const wide = left + cell * count + 6, high = top + cell * count + bottom
  const picture = svg(area, "svg", {
    class: "grid", viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", style: "max-width:100%",
    "aria-label": `Confusion matrix: rows are what images show, columns what is answered. ${worst(data).map(([a, b, n]) => `${classes[a]} taken for ${classes[b]} ${n} times`).join("; ")}`,
  })
  svg(picture, "text", { x: left, y: 11, class: "muted" }, "answer →   (rows: what the image shows)")
  confusion.forEach((row, truth) => {
    const all = row.reduce((sum, value) => sum + value, 0) || 1
    if (named) svg(picture, "text", { x: left - 6, y: top + cell * (truth + 0.5) + 3.5, "text-anchor": "end", class: "muted" }, classes[truth].slice(0, 15))
    row.forEach((value, answer) => {
      const share = value / all
      const right = truth === answer
      const x = left + cell * answer, y = top + cell * truth
      const ink = right ? "var(--st-primary-color)" : "var(--st-red-color, #c62828)"
      const rect = svg(picture, "rect", {
        class: "cell", x, y, width: Math.max(1, cell - 1), height: Math.max(1, cell - 1),
        style: `fill:color-mix(in srgb, ${ink} ${Math.round(100 * Math.min(1, right ? share : Math.sqrt(share)))}%, var(--faint))`,
      })
      const facts = [["shows", classes[truth]], ["answered", classes[answer]], ["images", `${value} of ${all}, ${percent(share)}`]]
      rect.addEventListener("pointermove", (event) => tip.show(facts, event.clientX, event.clientY))
      rect.addEventListener("pointerleave", () => tip.hide())
      if (cell >= 26 && value) {
        const light = right ? share > 0.55 : Math.sqrt(share) > 0.6
        svg(picture, "text", {
          x: x + cell / 2 - 0.5, y: y + cell / 2 + 3.5, "text-anchor": "middle", "pointer-events": "none",
          style: light ? "fill:var(--st-background-color)" : "",
        }, String(value))
      }
    })
  })
  if (named) classes.forEach((name, index) => {
    const x = left + cell * (index + 0.5), y = top + cell * count + 8
    svg(picture, "text", { x, y, transform: `rotate(-45 ${x} ${y})`, "text-anchor": "end", class: "muted" }, name.slice(0, 15))
  })
}

// The most frequent mistakes.
function worst({ confusion }) {
  const found = []
  confusion.forEach((row, truth) => row.forEach((value, answer) => { if (truth !== answer && value) found.push([truth, answer, value]) }))
  return found.sort((a, b) => b[2] - a[2]).slice(0, 3)
}
