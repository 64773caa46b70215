// The editor of a node: cards of controls (controls.js).
// data: explorer.editor.describe_controls(...) and refused: {command, text, offers}, during a drag its subtitle alone; commands
// "edit": {gesture, phase, command}, "choose": path,
// "metric": key.

export default component(({ data, root, memory }) => {
  memory.ribbons ??= new Map()
  // While a thumb is held the controls keep still: what the drag would change shows elsewhere, and the end redraws it.
  if (memory.dragging || !data.cards) return
  const shape = JSON.stringify([data.title, data.metric, data.refused, data.cards.map(skeleton), skeleton(data.network)])
  memory.refused = data.refused
  const area = root.querySelector(".cards") || drawArea(root)
  if (shape !== memory.shape) {
    memory.shape = shape
    memory.ribbons.clear()
    disconnect(memory)
    const active = root.getRootNode().activeElement
    const focused = area.contains(active) ? active.dataset.id : null
    // What is being typed lives through the redraw.
    const typed = memory.typing?.input === active ? [active.value, active.selectionStart, active.selectionEnd] : null
    memory.typing = null
    const place = controlsIn(area).indexOf(active)
    area.style.minHeight = `${area.offsetHeight}px` // an empty moment would scroll the panel back to its top
    area.replaceChildren()
    drawPanel(area, data, memory)
    area.style.minHeight = ""
    if (memory.chosen !== data.chosen) bringIntoSight(area.querySelector(".card.chosen, .group.chosen"))
    const same = focused && area.querySelector(`[data-id="${CSS.escape(focused)}"]:not(:disabled)`)
    // Where what had the focus is gone, what stands in its place takes it: a keyboard goes on from there.
    const again = same || (focused && controlsIn(area)[Math.min(place, controlsIn(area).length - 1)])
    again?.focus({ preventScroll: true })
    if (same && typed) {
      const [text, ...selected] = typed
      same.value = text
      same.setSelectionRange(...selected)
      same.dispatchEvent(new Event("input"))
    }
  } else {
    for (const control of ribbonsOf(data)) memory.ribbons.get(idOf(control.command))?.update(control)
    for (const control of data.network.controls) memory.ribbons.get(idOf(control.command ?? {}))?.update(control)
  }
  memory.chosen = data.chosen
}, { follow: showSize })

const controlsIn = (area) => [...area.querySelectorAll("[data-id]:not(:disabled)")]

function showSize({ data, root }) {
  const line = root.querySelector(".head span")
  if (line) line.textContent = data.subtitle
}

// Escape leads back to the picture, from which Enter leads here.
function drawArea(root) {
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return
    focusElsewhere("diagram", 'g[data-path][aria-pressed="true"]', (found) => found.at(-1))
  })
  return html(root, "div", { class: "cards" })
}

// Scroll the panel to a card, and never the page: on a phone the panel stands below what is being looked at.
function bringIntoSight(card) {
  const pane = card?.getRootNode().host?.closest(".st-key-editor_card")
  if (!pane || pane.scrollHeight <= pane.clientHeight + 4) return
  const at = card.getBoundingClientRect(), room = pane.getBoundingClientRect()
  if (at.top < room.top || at.bottom > room.bottom) pane.scrollTop += at.top - room.top - 12
}

const isRibbon = (control) => control.type === "ribbon"
const ribbonsOf = (data) => data.cards.flatMap((card) =>
  [...(card.controls || []), ...(card.groups || []).flatMap((group) => group.controls)]).filter(isRibbon)

// What must be equal for the drawn controls to be kept and only brought up to date: everything but ribbons' numbers.
function skeleton(card) {
  const bare = (control) => isRibbon(control) ? [control.label, idOf(control.command), control.words] : control
  return {
    ...card, controls: card.controls?.map(bare),
    groups: card.groups?.map((group) => ({ ...group, controls: group.controls.map(bare) })),
  }
}

// ---- drawing -----------------------------------------------------------------------------------------------------

function drawPanel(area, data, memory) {
  const head = html(area, "div", { class: "head" })
  html(head, "b", {}, data.title)
  html(head, "span", {}, data.subtitle)
  drawNetwork(area, data.network, memory)
  if (ribbonsOf(data).length) {
    const shown = html(area, "div", { class: "shown" })
    const name = html(shown, "label", {}, "Sliders show ")
    const select = html(name, "select", { "data-id": "metric" })
    for (const { value, label } of data.metrics) html(select, "option", { value, ...(value === data.metric ? { selected: "" } : {}) }, label)
    select.addEventListener("change", () => memory.commands.send("metric", select.value))
  }
  // What was refused to a menu or a button is answered here; the answer to a control stands at the control.
  const known = [...data.network.controls, ...data.cards.flatMap((card) => [...(card.controls || []), ...(card.groups || []).flatMap((group) => group.controls)])]
  const { refused } = memory
  if (refused && !known.some(({ command }) => command && idOf(command) === idOf(refused.command))) drawOffers(html(area, "div", { class: "refused" }), refused, memory)
  for (const card of data.cards) drawCard(area, card, memory)
}

function drawNetwork(area, network, memory) {
  const box = html(area, "details", memory.open ? { open: "" } : {})
  box.addEventListener("toggle", () => (memory.open = box.open))
  const summary = html(box, "summary", { "data-id": "network" })
  html(summary, "b", {}, "Network ")
  html(summary, "span", {}, network.summary)
  for (const control of network.controls) drawControl(box, control, memory)
}

function drawCard(area, card, memory) {
  const box = html(area, "section", { class: `card${card.chosen ? " chosen" : ""}${card.title ? "" : " add"}`, "aria-label": card.title || "add" })
  if (card.kind) box.style.setProperty("--accent", kindColor(card.kind))
  if (card.title) {
    const header = html(box, "header")
    const name = html(header, "button", { class: "name", type: "button", "data-id": `card:${card.id}` }, card.title)
    name.addEventListener("click", () => memory.commands.send("choose", card.path || card.id))
    const tools = html(header, "span", { class: "tools" })
    if (card.add) drawMenu(tools, card.add, memory, "add")
    if (card.change) drawMenu(tools, card.change, memory, "swap_horiz")
    for (const icon of card.icons || []) drawButton(tools, icon, memory, "icon")
  }
  drawControls(box, card.controls || [], memory, card.id)
  for (const group of card.groups || []) {
    const part = html(box, "div", { class: `group${group.chosen ? " chosen" : ""}` })
    if (group.title) {
      const layer = html(part, "button", { class: "layer", type: "button", "data-id": `layer:${group.path}`, title: "Show all settings of this layer" }, group.title)
      layer.addEventListener("click", () => memory.commands.send("choose", group.path))
    }
    drawControls(part, group.controls, memory, group.path)
  }
  if (card.actions) {
    const row = html(box, "div", { class: "row" })
    for (const action of card.actions) drawButton(row, action, memory, "plain")
  }
  if (card.add && !card.title) drawMenu(box, card.add, memory)
}
