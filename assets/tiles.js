// Pictures as tiles, with what one model or two say of each.
// data: {tiles: [{key, title, src, shows, predictions: [{by, name, share, right}], differs, problem}], chosen, choosable}
// trigger "choose": the key of a tile.

export default component(({ data, root, tip, send }) => {
  const focused = root.getRootNode().activeElement?.getAttribute?.("data-key")
  root.querySelector(".tiles")?.remove()
  const row = html(root, "div", { class: "tiles", role: "group", "aria-label": `${data.tiles.length} pictures. Arrow keys move, Enter chooses.` })
  const tiles = data.tiles.map((tile) => {
    const said = tile.predictions.map((prediction) => `${prediction.by ? `${prediction.by}: ` : ""}${prediction.name} ${formatShare(prediction.share)}`)
    const node = html(row, data.choosable ? "button" : "div", {
      class: `tile${tile.differs ? " differs" : ""}`, type: data.choosable ? "button" : null, "data-key": tile.key,
      role: data.choosable ? null : "img", "aria-pressed": data.choosable ? String(data.chosen === tile.key) : null,
      "aria-label": [tile.title, tile.shows ? `shows ${tile.shows}` : "", ...said, tile.problem || "", tile.differs ? "the predictions differ" : ""].filter(Boolean).join(", "),
    })
    html(node, "img", { src: tile.src, alt: "", class: tile.small ? "pixelated" : "" })
    for (const prediction of tile.predictions) {
      const mark = prediction.right === null || prediction.right === undefined ? "" : prediction.right ? "✓ " : "✗ "
      html(node, "div", { class: `said${prediction.right === false ? " wrong" : ""}` }, `${mark}${prediction.name}`)
      html(html(node, "div", { class: "bar" }), "i", { style: `width:${100 * prediction.share}%` })
      html(node, "div", { class: "by" }, `${formatShare(prediction.share)}${prediction.by ? ` · ${prediction.by}` : ""}`)
    }
    if (tile.shows && tile.predictions.some((prediction) => prediction.right === false)) html(node, "div", { class: "by" }, `is ${tile.shows}`)
    if (tile.problem) html(node, "div", { class: "said wrong" }, tile.problem)
    if (tile.differs) html(node, "div", { class: "mark" }, "≠ differ")
    const facts = [["picture", tile.title], ...(tile.shows ? [["shows", tile.shows]] : []), ...tile.predictions.map((prediction) => [prediction.by || "prediction", `${prediction.name}, ${formatShare(prediction.share)}`]), ...(tile.facts || [])]
    interactive(node, { facts, tip })
    if (data.choosable) node.addEventListener("click", () => send("choose", tile.key))
    return node
  })
  if (tiles.length && data.choosable) rovingFocus(tiles, Math.max(0, data.tiles.findIndex((tile) => tile.key === data.chosen)))
  if (focused) tiles.find((node) => node.getAttribute("data-key") === focused)?.focus({ preventScroll: true })
})
