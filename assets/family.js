// The family tree on a timeline: years downwards, a card for each network, edges from parent to child, and what there is
// to tell of the chosen one beside it; on a narrow screen one card below the other, the chosen one unfolded.
// data: {lanes, rows: [year], nodes: [{name, title, year, row, lane, picture, numbers, accuracy, summary, paper, facts,
// parents: [{name, change}], children, forms: [{key, title}], steps: [{key, title}], notes}], edges: [{from, to, change}], note, chosen}
// commands "choose": name, "open": name, "compare": name, "step": key.

const RAIL = 46, ASIDE = 300, GAP = 10, APART = 30, NARROW = 700
const CURVE = 15 // how far from a card an edge has turned into its gutter

export default component(({ data, root, memory, tip, send }) => {
  const area = root.querySelector(".family") || html(root, "div", { class: "family" })
  const focused = root.getRootNode().activeElement?.dataset?.name
  if (memory.sent !== data.chosen) memory.chosen = memory.sent = data.chosen
  const draw = (width) => {
    area.replaceChildren()
    const narrow = width < NARROW
    const choose = (name) => {
      memory.chosen = narrow && memory.chosen === name ? "" : name
      send("choose", memory.chosen)
      draw(root.clientWidth)
      area.querySelector(`.node[data-name="${CSS.escape(name)}"]`)?.focus({ preventScroll: true })
    }
    area.classList.toggle("narrow", narrow)
    const view = { area, data, tip, send, choose, chosen: memory.chosen }
    if (narrow) drawList(view)
    else drawTree(view, width)
    const nodes = [...area.querySelectorAll(".node")]
    rovingFocus(nodes, Math.max(0, nodes.findIndex((node) => node.dataset.name === memory.chosen)))
  }
  onWidth(root, memory, draw)
  if (focused) area.querySelector(`.node[data-name="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
})

// ---- one network ----------------------------------------------------------------------------------------------------

function drawNode({ data, chosen, choose }, parent, node) {
  const titleOf = titles(data)
  const card = html(parent, "button", { class: "node", type: "button", "data-name": node.name, "aria-pressed": String(chosen === node.name) })
  html(card, "b", {}, node.title)
  const picture = svg(card, "svg", { viewBox: "-4 -4 328 72", class: "small", "aria-hidden": "true" })
  node.picture.at.forEach(([x, y, width, height, opacity], index) => {
    svg(picture, "rect", { x, y, width, height, opacity, rx: 1, style: `fill:${kindColor(node.picture.kind[index])}` })
  })
  const numbers = html(card, "span", { class: "numbers" })
  for (const text of [...node.numbers, node.accuracy]) if (text) html(numbers, "span", {}, text)
  const grew = node.parents.length ? `grew from ${node.parents.map((each) => titleOf(each.name)).join(" and ")}` : "the first of the family"
  html(card, "span", { class: "spoken" }, `, ${node.year}, ${grew}`)
  card.addEventListener("click", () => choose(node.name))
  return card
}

const titles = (data) => {
  const known = new Map(data.nodes.map((node) => [node.name, node.title]))
  return (name) => known.get(name) ?? name
}

function tell({ data, send, choose }, parent, node) {
  const titleOf = titles(data)
  const box = html(parent, "section", { class: "told", "aria-label": `About ${node.title}` })
  html(box, "h3", {}, `${node.title}, ${node.year}`)
  html(box, "p", {}, node.summary)
  html(box, "p", { class: "muted" }, node.paper)
  const list = html(box, "dl")
  for (const [name, value] of node.facts) {
    html(list, "dt", {}, name)
    html(list, "dd", {}, value)
  }
  const ways = html(box, "div", { class: "ways" })
  for (const [title, command] of [["Open in Design", "open"], ["Compare", "compare"]]) {
    html(ways, "button", { class: "tool", type: "button" }, title).addEventListener("click", () => send(command, node.name))
  }
  const relatives = (title, items) => {
    if (!items.length) return
    html(box, "h4", {}, title)
    const lines = html(box, "ul")
    for (const [name, change] of items) {
      const line = html(lines, "li")
      const link = html(line, "button", { class: "link", type: "button" }, titleOf(name))
      link.addEventListener("click", () => choose(name))
      if (change) line.append(`: ${change}`)
    }
  }
  relatives("Grew from", node.parents.map((each) => [each.name, each.change]))
  relatives("Led to", node.children.map((name) => [name, data.nodes.find((each) => each.name === name).parents.find((each) => each.name === node.name).change]))
  const more = (title, command, items) => {
    if (!items.length) return
    html(box, "h4", {}, title)
    const row = html(box, "div", { class: "ways" })
    for (const { key, title } of items) html(row, "button", { class: "tool", type: "button" }, title).addEventListener("click", () => send(command, key))
  }
  more("What changed, block by block", "step", node.steps)
  more("Other forms, in Design", "open", node.forms)
  if (!node.notes.length) return
  html(box, "h4", {}, "Published and shipped")
  const notes = html(box, "ul")
  for (const text of node.notes) html(notes, "li", {}, text)
}

const isTold = (view) => view.data.nodes.find((node) => node.name === view.chosen)

// ---- narrow: one below the other ----------------------------------------------------------------------------------------

function drawList(view) {
  const { area, data } = view
  const titleOf = titles(data)
  const list = html(area, "div", { class: "timeline", role: "group", "aria-label": spoken(data) })
  let year = null
  for (const node of data.nodes) {
    const line = html(list, "div", { class: "stop" })
    html(line, "span", { class: "year", "aria-hidden": "true" }, node.year === year ? "" : String(node.year))
    year = node.year
    const place = html(line, "div")
    drawNode(view, place, node)
    if (node.parents.length && node.name !== view.chosen) {
      html(place, "div", { class: "from" }, `from ${node.parents.map((each) => titleOf(each.name)).join(", ")}`)
    }
    if (node.name === view.chosen) tell(view, place, node)
  }
  note(area, data)
}

const spoken = (data) => `Family tree of ${data.nodes.length} networks, the oldest first. Arrow keys move, Enter chooses.`

function note(area, data) {
  html(area, "p", { class: "note" }, data.note)
  kindsLegend(area, data, new Set(data.nodes.flatMap((node) => node.picture.kind)))
}

// ---- wide: the tree -------------------------------------------------------------------------------------------------------

function drawTree(view, width) {
  const { area, data, tip } = view
  const both = html(area, "div", { class: "both" })
  const left = html(both, "div")
  const tree = html(left, "div", { class: "tree", role: "group", "aria-label": spoken(data) })
  const wide = width - ASIDE - 22
  const lane = (wide - RAIL) / data.lanes
  tree.style.width = `${wide}px`
  const lines = svg(tree, "svg", { class: "lines", "aria-hidden": "true" })
  const cards = new Map()
  for (const node of data.nodes) {
    const card = drawNode(view, tree, node)
    card.style.left = `${RAIL + node.lane * lane + GAP / 2}px`
    card.style.width = `${lane - GAP}px`
    cards.set(node.name, { card, node })
  }
  // As high as the highest card of each row.
  const tops = [4]
  data.rows.forEach((year, row) => {
    const high = Math.max(...[...cards.values()].filter(({ node }) => node.row === row).map(({ card }) => card.offsetHeight))
    for (const { card, node } of cards.values()) if (node.row === row) card.style.top = `${tops[row]}px`
    if (year !== data.rows[row - 1]) {
      const label = html(tree, "span", { class: "year", "aria-hidden": "true" }, String(year))
      label.style.top = `${tops[row] + 6}px`
    }
    tops.push(tops[row] + high + APART)
  })
  const high = tops.at(-1) - APART + 8
  tree.style.height = `${high}px`
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${wide} ${high}`, width: wide, height: high })) lines.setAttribute(key, value)
  drawEdges(view, lines, cards, { tops, lane, tip })
  note(left, data)
  const aside = html(both, "div", { class: "aside" })
  const told = isTold(view)
  if (told) tell(view, aside, told)
  else html(aside, "p", { class: "muted" }, "Choose a network to read what it grew from, what was changed, and what was published.")
}

function drawEdges({ data, chosen }, lines, cards, { tops, lane, tip }) {
  const titleOf = titles(data)
  const box = (name) => {
    const { card, node } = cards.get(name)
    return { node, middle: card.offsetLeft + card.offsetWidth / 2, top: card.offsetTop, bottom: card.offsetTop + card.offsetHeight }
  }
  // Edges that enter a card stand side by side, in the order of where they come from.
  const entering = new Map()
  for (const edge of data.edges) entering.set(edge.to, [...(entering.get(edge.to) ?? []), edge])
  const leaving = new Map()
  for (const edge of data.edges) leaving.set(edge.from, [...(leaving.get(edge.from) ?? []), edge])
  const spread = (edges, edge, other) => {
    const order = [...edges].sort((a, b) => cards.get(a[other]).node.lane - cards.get(b[other]).node.lane)
    return (order.indexOf(edge) - (order.length - 1) / 2) * Math.min(16, (lane - 40) / Math.max(1, order.length))
  }
  let count = 0
  for (const edge of [...data.edges].sort((a, b) => Number(touches(a, chosen)) - Number(touches(b, chosen)))) {
    const from = box(edge.from), to = box(edge.to)
    const x0 = from.middle + spread(leaving.get(edge.from), edge, "to"), x1 = to.middle + spread(entering.get(edge.to), edge, "from")
    let d
    if (to.node.row - from.node.row === 1) {
      const middle = (tops[to.node.row] + from.bottom) / 2
      d = `M${x0} ${from.bottom} C${x0} ${middle} ${x1} ${middle} ${x1} ${to.top}`
    } else {
      // Past the rows between in the gutter beside the child's lane, so that no edge runs behind a card.
      const side = from.node.lane > to.node.lane ? 1 : from.node.lane < to.node.lane ? 0 : to.node.lane + 1 < data.lanes ? 1 : 0
      const gutter = RAIL + (to.node.lane + side) * lane + ((count++ % 3) - 1) * 3
      const start = tops[from.node.row + 1] - APART, end = tops[to.node.row]
      d = `M${x0} ${from.bottom} L${x0} ${start} C${x0} ${start + CURVE} ${gutter} ${start + CURVE} ${gutter} ${start + APART}`
        + ` L${gutter} ${end - APART} C${gutter} ${end - CURVE} ${x1} ${end - CURVE} ${x1} ${end}`
    }
    const live = touches(edge, chosen)
    svg(lines, "path", { class: `edge${live ? " live" : ""}`, d })
    svg(lines, "path", { class: `tipmark${live ? " live" : ""}`, d: `M${x1 - 3.5} ${to.top - 6} L${x1} ${to.top} L${x1 + 3.5} ${to.top - 6} Z` })
    const hit = svg(lines, "path", { class: "hit", d })
    const facts = [["from", titleOf(edge.from)], ["to", titleOf(edge.to)], ["changed", edge.change]]
    hit.addEventListener("pointermove", (event) => tip.show(facts, event.clientX, event.clientY))
    hit.addEventListener("pointerleave", () => tip.hide())
  }
}

const touches = (edge, name) => edge.from === name || edge.to === name
