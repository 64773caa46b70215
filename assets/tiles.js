// Pictures as tiles, with what one model or two say of each.
// data: {tiles: [{key, title, src, shows, answers: [{by, name, share, right}], differs, problem}], chosen, choosable}
// trigger "choose": the key of a tile.

export default component(({ data, root, tip, send }) => {
  const focused = root.getRootNode().activeElement?.getAttribute?.("data-key")
  root.querySelector(".tiles")?.remove()
  const row = html(root, "div", { class: "tiles", role: "group", "aria-label": `${data.tiles.length} pictures. Arrow keys move, Enter chooses.` })
  const tiles = data.tiles.map((tile) => {
    const said = tile.answers.map((answer) => `${answer.by ? `${answer.by}: ` : ""}${answer.name} ${percent(answer.share)}`)
    const node = html(row, data.choosable ? "button" : "div", {
      class: `tile${tile.differs ? " differs" : ""}`, type: data.choosable ? "button" : null, "data-key": tile.key,
      role: data.choosable ? null : "img", "aria-pressed": data.choosable ? String(data.chosen === tile.key) : null,
      "aria-label": [tile.title, tile.shows ? `shows ${tile.shows}` : "", ...said, tile.problem || "", tile.differs ? "the answers differ" : ""].filter(Boolean).join(", "),
    })
    html(node, "img", { src: tile.src, alt: "", class: tile.small ? "pixelated" : "" })
    for (const answer of tile.answers) {
      const mark = answer.right === null || answer.right === undefined ? "" : answer.right ? "✓ " : "✗ "
      html(node, "div", { class: `said${answer.right === false ? " wrong" : ""}` }, `${mark}${answer.name}`)
      html(html(node, "div", { class: "bar" }), "i", { style: `width:${100 * answer.share}%` })
      html(node, "div", { class: "by" }, `${percent(answer.share)}${answer.by ? ` · ${answer.by}` : ""}`)
    }
    if (tile.shows && tile.answers.some((answer) => answer.right === false)) html(node, "div", { class: "by" }, `is ${tile.shows}`)
    if (tile.problem) html(node, "div", { class: "said wrong" }, tile.problem)
    if (tile.differs) html(node, "div", { class: "mark" }, "≠ differ")
    const facts = [["picture", tile.title], ...(tile.shows ? [["shows", tile.shows]] : []), ...tile.answers.map((answer) => [answer.by || "answer", `${answer.name}, ${percent(answer.share)}`]), ...(tile.facts || [])]
    interactive(node, { facts, tip })
    if (data.choosable) node.addEventListener("click", () => send("choose", tile.key))
    return node
  })
  if (tiles.length && data.choosable) rovingFocus(tiles, Math.max(0, data.tiles.findIndex((tile) => tile.key === data.chosen)))
  if (focused) tiles.find((node) => node.getAttribute("data-key") === focused)?.focus({ preventScroll: true })
})
