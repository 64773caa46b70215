// Feature maps as grids, one grid a group, and one map large, whose units can be chosen.
// data: {groups: [{key, title, note, kind, sheet: {png, columns, width, height, maps: [{channel, low, high, least, most,
// activity}], scale, shared, colours}}], chosen: {group, channel} | null, choosable, large: {group, channel, png, rows,
// columns, factor, height, width, values, scale, unit: [row, column], alt} | null, size}
// trigger "choose": {group, channel} or, for a unit, {group, channel, unit: [row, column]}.

export default component(({ data, root, memory, tip, send }) => {
  memory.scrolled = root.querySelector(".grids")?.scrollTop ?? 0
  const active = root.getRootNode().activeElement
  const focused = active?.getAttribute?.("data-map")
  const again = active?.classList?.contains("units")
  root.querySelector(".all")?.remove()
  const choose = (value) => send("choose", value)
  const both = html(root, "div", { class: data.large ? "all both" : "all" })
  const grids = html(both, "div", { class: `grids${data.large ? " tall" : ""}` })
  for (const group of data.groups) drawGroup(grids, group, data, tip, choose)
  if (data.large) drawLarge(html(both, "div", { class: "large" }), data.large, tip, choose)
  grids.scrollTop = memory.scrolled
  if (focused) [...root.querySelectorAll("[data-map]")].find((node) => node.getAttribute("data-map") === focused)?.focus({ preventScroll: true })
  if (again) root.querySelector(".units")?.focus({ preventScroll: true })
})

function drawGroup(parent, group, data, tip, choose) {
  const area = html(parent, "section", { class: "group" })
  const title = html(area, "div", { class: "title" })
  if (group.kind) html(title, "i", { class: "dot", style: `background:${kindColor(group.kind)}` })
  html(title, "b", {}, group.title)
  html(title, "span", {}, group.note)
  const grid = html(area, "div", { class: "grid", style: `--side:${data.size}px`, role: "group", "aria-label": `${group.title}: ${group.sheet.maps.length} maps. Arrow keys move${data.choosable ? ", Enter chooses" : ""}.` })
  const { sheet } = group
  if (sheet.shared) area.insertBefore(colorScale(area, sheet.scale), grid)
  const tiles = sheet.maps.map((map) => {
    const chosen = data.chosen && data.chosen.group === group.key && data.chosen.channel === map.channel
    const tile = html(grid, data.choosable ? "button" : "div", {
      class: "map", type: data.choosable ? "button" : null, "data-map": `${group.key} ${map.channel}`,
      "aria-pressed": data.choosable ? (chosen ? "true" : "false") : null, role: data.choosable ? null : "img",
      "aria-label": `${data.what} ${map.channel}, ${formatNumber(map.least)} to ${formatNumber(map.most)}, mean magnitude ${formatNumber(map.activity)}`,
      style: group.kind ? `--frame:${kindColor(group.kind)}` : null,
    })
    html(tile, "canvas", { width: sheet.width, height: sheet.height, "aria-hidden": "true" })
    const facts = [
      [data.what, String(map.channel)], ["activity", `${formatNumber(map.activity)} (mean magnitude)`],
      ["numbers", `${formatNumber(map.least)} … ${formatNumber(map.most)}`], ["colours", `${formatNumber(map.low)} … ${formatNumber(map.high)}`],
    ]
    interactive(tile, { facts, tip })
    if (data.choosable) tile.addEventListener("click", () => choose({ group: group.key, channel: map.channel }))
    return tile
  })
  rovingFocus(tiles, Math.max(0, sheet.maps.findIndex((map) => data.chosen && data.chosen.group === group.key && data.chosen.channel === map.channel)))
  const image = new Image()
  image.onload = () => tiles.forEach((tile, index) => {
    const x = (index % sheet.columns) * sheet.width, y = Math.floor(index / sheet.columns) * sheet.height
    tile.querySelector("canvas").getContext("2d").drawImage(image, x, y, sheet.width, sheet.height, 0, 0, sheet.width, sheet.height)
  })
  image.src = `data:image/png;base64,${sheet.png}`
}

function numbers(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  return (index) => view.getFloat32(4 * index, true)
}

function drawLarge(area, large, tip, choose) {
  const title = html(area, "div", { class: "title" })
  html(title, "b", {}, `channel ${large.channel}`)
  html(title, "span", {}, `${large.height} × ${large.width}${large.factor > 1 ? `, means over ${large.factor} × ${large.factor}` : ""}`)
  const value = numbers(large.values)
  const [row, column] = large.unit.map((each) => Math.floor(each / large.factor))
  const picture = svg(area, "svg", {
    class: "units", viewBox: `0 0 ${large.columns} ${large.rows}`, tabindex: 0, role: "application",
    "aria-label": `${large.alt} Chosen unit: row ${large.unit[0]}, column ${large.unit[1]}, ${formatNumber(value(row * large.columns + column))}. Arrow keys choose another.`,
    style: `aspect-ratio:${large.columns} / ${large.rows};max-width:${26 * large.columns / large.rows}rem`,
  })
  svg(picture, "image", { href: `data:image/png;base64,${large.png}`, width: large.columns, height: large.rows, preserveAspectRatio: "none", class: "pixelated" })
  svg(picture, "rect", { class: "unit under", x: column, y: row, width: 1, height: 1 })
  svg(picture, "rect", { class: "unit", x: column, y: row, width: 1, height: 1 })
  const pick = (r, c) => choose({
    group: large.group, channel: large.channel,
    unit: [Math.min(large.height - 1, r * large.factor), Math.min(large.width - 1, c * large.factor)],
  })
  const at = (event) => {
    const frame = picture.getBoundingClientRect()
    const clip = (value, most) => Math.min(most - 1, Math.max(0, Math.floor(value)))
    return [clip((event.clientY - frame.top) / frame.height * large.rows, large.rows), clip((event.clientX - frame.left) / frame.width * large.columns, large.columns)]
  }
  picture.addEventListener("pointermove", (event) => {
    const [r, c] = at(event)
    tip.show([["unit", `row ${r * large.factor}, column ${c * large.factor}`], ["value", formatNumber(value(r * large.columns + c))]], event.clientX, event.clientY)
  })
  picture.addEventListener("pointerleave", () => tip.hide())
  picture.addEventListener("click", (event) => pick(...at(event)))
  picture.addEventListener("keydown", (event) => {
    const [down, across] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0]
    if (!down && !across) return
    event.preventDefault()
    const [r, c] = [row + down, column + across]
    if (r >= 0 && r < large.rows && c >= 0 && c < large.columns) pick(r, c)
  })
  const tool = html(html(title, "span", { class: "push" }), "button", { class: "tool", type: "button", title: "Save this map as PNG" }, "PNG")
  tool.addEventListener("click", () => savePicture(picture, `${large.group} channel ${large.channel}`, "png"))
  colorScale(area, large.scale)
  html(area, "p", { class: "said" }, `Unit at row ${large.unit[0]}, column ${large.unit[1]}: ${formatNumber(value(row * large.columns + column))}`)
}
