// What a network predicts: sample images with its best predictions, and the confusion matrix.
// data: {classes, confusion: [[images by true class (row) and prediction (column)]], samples: {png, columns, width, height,
// labels} | null, predictions: [[[class, probability], ...] per sample] | null, note, cell: the open one, what}
// trigger "cell", where somebody listens: [true class, predicted class].

export default component(({ data, root, memory, tip, send }) => {
  if (!root.querySelector(".both")) {
    const both = html(root, "div", { class: "both" })
    html(both, "div", { class: "half samples" })
    html(both, "div", { class: "half matrix" })
  }
  const [left, right] = [root.querySelector(".samples"), root.querySelector(".matrix")]
  left.hidden = !(data.samples && data.predictions)
  if (!left.hidden) drawSamples(left, data, memory, tip)
  onWidth(right, memory, (width) => drawMatrix(right, data, Math.max(240, width), tip, memory, send))
}, { keepsTip: true })

function drawSamples(area, data, memory, tip) {
  const { samples, predictions, classes } = data
  const right = predictions.filter((best, index) => best.length && best[0][0] === samples.labels[index]).length
  let tiles = area.querySelector(".tiles")
  if (!tiles || memory.png !== samples.png) {
    area.replaceChildren()
    titleLine(area, "Test images and predictions").lastElementChild.className = "count"
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
    const best = predictions[index] || []
    if (!best.length) return
    const truth = classes[samples.labels[index]], said = classes[best[0][0]], wrong = best[0][0] !== samples.labels[index]
    tile.classList.toggle("wrong", wrong)
    tile.querySelector(".said").textContent = `${wrong ? "✗" : "✓"} ${said}`
    tile.querySelector(".bar i").style.width = `${100 * best[0][1]}%`
    tile.querySelector(".truth").textContent = wrong ? `is ${truth}` : formatShare(best[0][1])
    tile.setAttribute("role", "img")
    tile.setAttribute("aria-label", `Shows ${truth}; predictions ${best.map(([kind, share]) => `${classes[kind]} ${formatShare(share)}`).join(", ")}`)
    const facts = [["shows", truth], ...best.map(([kind, share]) => [classes[kind], formatShare(share)])]
    tile.onpointermove = (event) => tip.show(facts, event.clientX, event.clientY)
    tile.onpointerleave = () => tip.hide()
  })
}

function drawMatrix(area, data, width, tip, memory, send) {
  const { classes, confusion } = data
  const colors = [...colorsOf(area), width]
  // It comes once a second while a network learns, and is another one once an epoch.
  const shown = JSON.stringify([classes, confusion, data.note, data.cell, colors])
  if (memory.shown === shown) return
  memory.shown = shown
  const count = confusion.length
  area.replaceChildren()
  titleLine(area, "Confusion matrix", `${data.what || "all test images"}, ${data.note}${send ? "; a click on a cell shows its images" : ""}`)
  const named = count <= 20
  const left = named ? Math.min(110, 12 + 6.2 * Math.max(...classes.map((name) => Math.min(name.length, 15)))) : 20
  const side = Math.min(Math.floor((Math.min(width, 640) - left - 6) / count), 44)
  const cell = Math.max(2, side)
  const top = 18, bottom = named ? left : 8
  const wide = left + cell * count + 6, high = top + cell * count + bottom
  const picture = svg(area, "svg", {
    class: "grid", viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", style: "max-width:100%;overflow:visible",
    "aria-label": `Confusion matrix: rows are what images show, columns what is predicted. ${worst(data).map(([a, b, n]) => `${classes[a]} taken for ${classes[b]} ${n} times`).join("; ")}`,
  })
  svg(picture, "text", { x: left, y: 11, class: "muted" }, "prediction →   (rows: what the image shows)")
  const totals = confusion.map((row) => row.reduce((sum, value) => sum + value, 0) || 1)
  const shareAt = (truth, predicted) => {
    const share = confusion[truth][predicted] / totals[truth]
    return truth === predicted ? share : Math.sqrt(share)
  }
  svg(picture, "image", { class: "cells", x: left, y: top, width: cell * count, height: cell * count, href: cellsAsImage(count, cell, shareAt, colors) })
  confusion.forEach((row, truth) => {
    if (named) svg(picture, "text", { x: left - 6, y: top + cell * (truth + 0.5) + 3.5, "text-anchor": "end", class: "muted" }, classes[truth].slice(0, 15))
    if (cell >= 26) row.forEach((value, predicted) => {
      if (value) svg(picture, "text", {
        x: left + cell * (predicted + 0.5) - 0.5, y: top + cell * (truth + 0.5) + 3.5, "text-anchor": "middle",
        style: shareAt(truth, predicted) > (truth === predicted ? 0.55 : 0.6) ? "fill:var(--st-background-color)" : "",
      }, formatCount(value))
    })
  })
  if (data.cell) svg(picture, "rect", { class: "frame open", x: left + cell * data.cell[1], y: top + cell * data.cell[0], width: cell - 1, height: cell - 1 })
  const frame = svg(picture, "rect", { class: "frame", width: cell - 1, height: cell - 1, visibility: "hidden" })
  const leave = () => {
    frame.setAttribute("visibility", "hidden")
    tip.hide()
  }
  const at = (event) => {
    const box = picture.getBoundingClientRect()
    return [Math.floor(((event.clientY - box.top) * high / box.height - top) / cell), Math.floor(((event.clientX - box.left) * wide / box.width - left) / cell)]
  }
  const point = ([truth, predicted]) => {
    for (const [name, place] of [["x", left + cell * predicted], ["y", top + cell * truth]]) frame.setAttribute(name, place)
    frame.setAttribute("visibility", "visible")
  }
  if (send) takeCells(picture, confusion, at, point, send)
  // One listener for all cells.
  picture.addEventListener("pointermove", (event) => {
    const [truth, predicted] = at(event)
    const value = confusion[truth]?.[predicted]
    if (value === undefined) return leave()
    point([truth, predicted])
    const images = `${value} of ${totals[truth]}, ${formatShare(value / totals[truth])}`
    tip.show([["shows", classes[truth]], ["predicted", classes[predicted]], ["images", images]], event.clientX, event.clientY)
  })
  picture.addEventListener("pointerleave", leave)
  if (named) classes.forEach((name, index) => {
    const x = left + cell * (index + 0.5), y = top + cell * count + 8
    svg(picture, "text", { x, y, transform: `rotate(-45 ${x} ${y})`, "text-anchor": "end", class: "muted" }, name.slice(0, 15))
  })
}

// A click opens a cell; by keys the arrows move over the cells and Enter opens one.
function takeCells(picture, confusion, at, point, send) {
  let here = [0, 0]
  picture.setAttribute("tabindex", 0)
  picture.setAttribute("role", "application")
  picture.setAttribute("aria-label", `${picture.getAttribute("aria-label")}. Arrow keys move over the cells, Enter shows the images of one.`)
  picture.addEventListener("click", (event) => {
    const cell = at(event)
    if (confusion[cell[0]]?.[cell[1]] !== undefined) send("cell", cell)
  })
  picture.addEventListener("keydown", (event) => {
    const [down, across] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0]
    if (event.key === "Enter" || event.key === " ") send("cell", here)
    else if (down || across) {
      const next = [here[0] + down, here[1] + across]
      if (confusion[next[0]]?.[next[1]] !== undefined) here = next
      point(here)
    } else return
    event.preventDefault()
  })
}

// The theme's colours of right, wrong and nothing, as a canvas takes them.
function colorsOf(area) {
  const style = getComputedStyle(area)
  return ["--st-primary-color", "--st-red-color", "--faint"].map((name) => style.getPropertyValue(name).trim() || "#c62828")
}

// All cells in one image: ten thousand elements take a second to draw.
function cellsAsImage(count, cell, shareAt, [right, wrong, nothing]) {
  const scale = 2, canvas = document.createElement("canvas")
  canvas.width = canvas.height = count * cell * scale
  const context = canvas.getContext("2d")
  context.scale(scale, scale)
  const fill = (truth, predicted) => context.fillRect(predicted * cell, truth * cell, Math.max(1, cell - 1), Math.max(1, cell - 1))
  for (let truth = 0; truth < count; truth += 1) {
    for (let predicted = 0; predicted < count; predicted += 1) {
      context.globalAlpha = 1
      context.fillStyle = nothing
      fill(truth, predicted)
      const share = Math.min(1, shareAt(truth, predicted))
      if (!share) continue
      context.globalAlpha = share
      context.fillStyle = truth === predicted ? right : wrong
      fill(truth, predicted)
    }
  }
  return canvas.toDataURL()
}

// The most frequent mistakes.
function worst({ confusion }) {
  const found = []
  confusion.forEach((row, truth) => row.forEach((value, predicted) => { if (truth !== predicted && value) found.push([truth, predicted, value]) }))
  return found.sort((a, b) => b[2] - a[2]).slice(0, 3)
}
