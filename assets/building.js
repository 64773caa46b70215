// What builds a network in its picture, put before the diagram's script: the places where something can be inserted
// (gaps), their menu, the tools of what is chosen, moving by drag and by keys, and the clipboard.
// A place is {place: "before" | "after" | "inside", path}, as explorer.architecture.edit has it.

const GAP_PX = 24 // the least that a finger hits
const DRAG_PX = 6 // less is a click
const DROP_PX = 70 // from a gap

const sendEdit = (memory, command) => memory.commands.send("edit", { gesture: null, phase: "commit", command })

// ---- gaps --------------------------------------------------------------------------------------------------------

function drawGap(parent, at, build, { scale = 1, fan = false } = {}) {
  const { x, y, place, path, label } = at
  const group = svg(parent, "g", {
    class: `gap edit-only${fan ? " fan" : ""}`, role: "button", tabindex: "0", "aria-haspopup": "menu", "aria-label": label,
    "data-place": place, "data-beside": path,
  })
  svg(group, "title", {}, label)
  const reach = GAP_PX / 2 / scale
  svg(group, "rect", { class: "hit", x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach })
  svg(group, fan ? "rect" : "circle", { class: "mark", ...(fan ? { x: x - 8, y: y - 8, width: 16, height: 16, rx: 4 } : { cx: x, cy: y, r: 8 }) })
  svg(group, "path", { class: "plus", d: `M ${x - 4} ${y} h 8 M ${x} ${y - 4} v 8` })
  group.addEventListener("click", () => openInsertMenu(build, group))
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return
    event.preventDefault()
    openInsertMenu(build, group)
  })
  return group
}

const placeOf = (gap) => ({ place: gap.getAttribute("data-place"), path: gap.getAttribute("data-beside") })

// ---- menus -------------------------------------------------------------------------------------------------------

// A list beside what opened it. groups: [[heading, [[label, choose, value]]]]. Keys walk, a letter jumps, Escape closes.
function openMenu(build, anchor, name, groups) {
  closePopup(build)
  const list = openPopup(build, anchor, { class: "popup menu", role: "menu", "aria-label": name })
  for (const [heading, options] of groups) {
    const part = html(list, "div", { role: "group", "aria-label": heading || name })
    if (heading) html(part, "div", { class: "heading", "aria-hidden": "true" }, heading)
    for (const [label, choose, value] of options) {
      const item = html(part, "button", { type: "button", role: "menuitem", tabindex: "-1", "data-value": value }, label)
      item.addEventListener("pointermove", () => item.focus({ preventScroll: true })) // one mark for pointer and keys
      item.addEventListener("click", () => {
        closePopup(build)
        anchor.focus({ preventScroll: true })
        choose()
      })
    }
  }
  const items = [...list.querySelectorAll("button")]
  list.addEventListener("keydown", (event) => {
    const at = items.indexOf(build.root.getRootNode().activeElement)
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    let next = null
    if (step) next = items[(at + step + items.length) % items.length]
    else if (event.key === "Home") [next] = items
    else if (event.key === "End") next = items.at(-1)
    else if (event.key.length === 1 && /\S/.test(event.key)) {
      const letter = event.key.toLowerCase()
      next = [...items.slice(at + 1), ...items].find((item) => item.textContent.toLowerCase().startsWith(letter))
    }
    if (!next) return
    event.preventDefault()
    next.focus()
  })
  items[0].tabIndex = 0 // a list that scrolls must be reached by Tab
  items[0].focus({ preventScroll: true })
}

// A box over the picture, beside its anchor; it closes when the focus leaves it.
function openPopup(build, anchor, attributes) {
  const box = html(build.root, "div", attributes)
  build.popup = box
  build.anchor = anchor
  anchor.setAttribute("aria-expanded", "true")
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return
    event.preventDefault()
    closePopup(build)
    anchor.focus()
  })
  box.addEventListener("focusout", (event) => box.contains(event.relatedTarget) || build.popup !== box || closePopup(build))
  requestAnimationFrame(() => placePopup(build, box, anchor))
  return box
}

function placePopup(build, box, anchor) {
  const frame = build.root.getBoundingClientRect(), at = anchor.getBoundingClientRect()
  box.style.left = `${Math.max(0, Math.min(at.left - frame.left, frame.width - box.offsetWidth))}px`
  box.style.top = `${at.bottom - frame.top + 4}px`
  box.scrollIntoView({ block: "nearest" })
}

function closePopup(build) {
  const { popup, anchor } = build
  build.popup = null // before the removal: it takes the focus away, and that would close again
  popup?.remove()
  anchor?.setAttribute("aria-expanded", "false")
}

function openInsertMenu(build, gap) {
  const at = placeOf(gap)
  const { parts, branches } = build.data
  const headings = [...new Set(parts.map(({ group }) => group))]
  const groups = headings.map((heading) => [heading, parts.filter(({ group }) => group === heading).map(
    ({ value, label }) => [label, () => act(build, { do: "insert", ...at, value }), value])])
  if (gap.classList.contains("fan")) {
    groups.unshift(["Branches", branches.map(({ value, label }) => [label, () => act(build, { do: "add_branch", path: at.path, value }), value])])
  }
  groups.push(["", [["Paste what was copied …", () => openPasteBox(build, gap, at), "paste"]]])
  openMenu(build, gap, gap.getAttribute("aria-label"), groups)
}

// The server says what is chosen afterwards, and the focus goes there.
function act(build, command) {
  const { memory } = build
  memory.follow = true
  // A new name may be on its way, and the command still has the old one.
  const { from, to } = memory.renamed ?? {}
  sendEdit(memory, from && command.path === from ? { ...command, path: to } : command)
}

// ---- the tools of what is chosen ---------------------------------------------------------------------------------

function drawTools(area, build) {
  const { tools } = build.data
  if (!tools) {
    area.replaceChildren()
    return drawRefused(area, build)
  }
  const active = area.getRootNode().activeElement
  // What is being typed lives through a redraw.
  const typed = active?.matches?.(".node-name") && area.contains(active) && active.dataset.path === tools.path ? active.value : null
  area.replaceChildren()
  drawRefused(area, build)
  const row = html(area, "div", { class: "node-tools", role: "group", "aria-label": `Chosen: ${tools.name || `${tools.count} layers`}` })
  for (const { path, name } of tools.around) {
    const crumb = html(row, "button", { class: "crumb", type: "button", "data-tool": `around:${path}`, title: `Choose ${name}, which holds it` }, name)
    crumb.addEventListener("click", () => choose(build, path))
    html(row, "span", { class: "slash", "aria-hidden": "true" }, "/")
  }
  if (tools.count === 1) drawName(row, build, typed)
  else html(row, "b", {}, `${tools.count} layers`)
  const verbs = [
    ["earlier", tools.side_by_side ? "arrow_upward" : "arrow_back", tools.side_by_side ? "Move up (Alt+↑)" : "Move towards the input (Alt+←)"],
    ["later", tools.side_by_side ? "arrow_downward" : "arrow_forward", tools.side_by_side ? "Move down (Alt+↓)" : "Move towards the output (Alt+→)"],
    ["duplicate", "library_add", "Duplicate"],
    ["remove", "delete", "Remove (Delete)"],
  ]
  for (const [verb, icon, hint] of verbs) {
    drawTool(row, icon, hint, verb, tools[verb] ? () => act(build, tools[verb]) : null)
  }
  drawTool(row, "content_copy", "Copy (Ctrl+C)", "copy", (button) => copyText(build, tools, button))
  drawTool(row, "content_paste", "Paste behind it (Ctrl+V)", "paste", (button) => openPasteBox(build, button, { place: "after", path: tools.paths.at(-1) }))
  const kinds = [["in a residual", "residual"], ["in a split", "parallel"], ["in a sequence", "sequence"]]
  const wrap = html(row, "button", { class: "tool", type: "button", "aria-haspopup": "menu", "data-tool": "wrap" }, "Wrap …")
  wrap.addEventListener("click", () => openMenu(build, wrap, "Wrap", [["", kinds.map(
    ([label, value]) => [label, () => act(build, { ...tools.wrap, value }), value])]]))
  const unwrap = html(row, "button", { class: "tool", type: "button", disabled: tools.unwrap ? null : "", "data-tool": "unwrap", title: "Put what it holds in its place" }, "Unwrap")
  unwrap.addEventListener("click", () => act(build, tools.unwrap))
}

// What could not be done here, and what can be done instead.
function drawRefused(area, build) {
  const { refused } = build.data
  if (refused) drawOffers(html(area, "div", { class: "refused", role: "status" }), refused, build.memory)
}

function drawTool(row, icon, hint, key, act) {
  const button = html(row, "button", { class: "tool symbolic", type: "button", title: hint, "aria-label": hint, "data-tool": key, disabled: act ? null : "" })
  drawIcon(button, icon)
  button.addEventListener("click", () => act(button))
}

function drawName(row, build, typed) {
  const { tools } = build.data
  const input = html(row, "input", { class: "node-name", type: "text", value: tools.name, maxlength: 200, "aria-label": "Name of what is chosen", "data-tool": "name", "data-path": tools.path,
    title: "Letters, digits and _; Enter renames (F2)", spellcheck: "false", autocomplete: "off" })
  if (typed !== null) {
    input.value = typed
    input.focus()
  }
  input.style.width = `${Math.min(26, Math.max(6, tools.name.length + 4))}ch`
  const commit = () => {
    const name = input.value.trim()
    if (!input.isConnected || !name || name === tools.name) return
    build.memory.renamed = { from: tools.path, to: [...tools.around.map((each) => each.name), name].join("/") }
    sendEdit(build.memory, { do: "rename", path: tools.path, value: name })
  }
  input.addEventListener("change", commit)
  input.addEventListener("keydown", (event) => {
    event.stopPropagation()
    if (event.key === "Escape") input.value = tools.name
  })
}

function choose(build, path) {
  build.memory.anchorPath = path
  build.memory.commands.send("choose", path)
}

// ---- copy and paste ----------------------------------------------------------------------------------------------

async function copyText(build, tools, anchor) {
  try {
    await navigator.clipboard.writeText(tools.text)
    tell(build, `Copied ${tools.name || `${tools.count} layers`}`)
  } catch { // no permission, or not over HTTPS
    const box = openTextBox(build, anchor, "Copy this text with Ctrl+C", tools.text)
    box.querySelector("textarea").select()
  }
}

const tell = (build, text) => (build.root.querySelector(".told").textContent = text)

function openTextBox(build, anchor, label, text) {
  closePopup(build)
  const box = openPopup(build, anchor, { class: "popup text-box", role: "dialog", "aria-label": label })
  const field = html(html(box, "label", {}, label), "textarea", { rows: 5, spellcheck: "false" })
  field.value = text
  field.focus({ preventScroll: true })
  return box
}

function openPasteBox(build, anchor, at) {
  const box = openTextBox(build, anchor, "Paste here what was copied, in this or another network", build.memory.pasted ?? "")
  const field = box.querySelector("textarea")
  field.addEventListener("input", () => (build.memory.pasted = field.value)) // what was refused is still there
  const row = html(box, "div", { class: "row" })
  const button = html(row, "button", { class: "tool", type: "button", "data-tool": "insert-text" }, "Insert")
  button.addEventListener("click", () => {
    closePopup(build)
    anchor.focus({ preventScroll: true })
    paste(build, at, field.value)
  })
  const cancel = html(row, "button", { class: "tool", type: "button" }, "Cancel")
  cancel.addEventListener("click", () => {
    closePopup(build)
    anchor.focus({ preventScroll: true })
  })
}

function paste(build, at, text) {
  if (text.length > build.data.longest_text) return tell(build, "The text is too long to be a copied layer.")
  act(build, { do: "paste", ...at, value: text })
}

// The browser's own copy, cut and paste, while the focus is in the picture.
function listenToClipboard(build) {
  const { root, memory } = build
  memory.clipboard?.abort()
  memory.clipboard = new AbortController()
  const on = (kind, act) => document.addEventListener(kind, (event) => {
    if (!root.isConnected) return memory.clipboard.abort()
    const active = root.getRootNode().activeElement
    if (!active || !root.contains(active) || active.matches("input, textarea") || !active.closest("svg, .node-tools")) return
    act(event, active)
  }, { signal: memory.clipboard.signal })
  const copy = (event) => {
    const { tools } = build.data
    if (!tools || String(getSelection())) return // marked text is what is meant
    event.clipboardData.setData("text/plain", tools.text)
    event.preventDefault()
    tell(build, `Copied ${tools.name || `${tools.count} layers`}`)
  }
  on("copy", copy)
  on("cut", (event) => {
    const { tools } = build.data
    copy(event)
    if (tools?.remove) act(build, tools.remove)
  })
  on("paste", (event, active) => {
    const text = event.clipboardData.getData("text/plain")
    const path = active.getAttribute("data-path") ?? build.data.tools?.paths.at(-1)
    event.preventDefault()
    paste(build, active.classList.contains("gap") ? placeOf(active) : path ? { place: "after", path } : { place: "inside", path: "" }, text)
  })
}

// ---- keys and drags on columns and boxes -------------------------------------------------------------------------

function listenToKeys(build) {
  build.root.addEventListener("keydown", (event) => {
    const node = event.target.closest?.("g[data-path]")
    if (!node) return
    const path = node.getAttribute("data-path")
    const { tools } = build.data
    const inRun = tools?.paths.includes(path)
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
    const take = (command) => {
      if (!inRun) choose(build, path) // in the same order as by hand
      act(build, command)
    }
    if (event.altKey && step) {
      act(build, { do: "move", path: inRun ? tools.path : path, count: inRun ? tools.count : 1, by: step })
    } else if (event.shiftKey && step) {
      const next = neighbour(build, node, step)
      if (!next) return
      extendTo(build, next.getAttribute("data-path"))
      next.focus()
    } else if (event.key === "Delete" || event.key === "Backspace") {
      take(inRun ? tools.remove ?? { do: "remove", path } : { do: "remove", path })
    } else if (event.key === "F2") {
      if (!inRun) choose(build, path)
      build.memory.naming = path
      focusName(build)
    } else if (event.key === "+" || event.key === "Insert") {
      const gap = [...build.root.querySelectorAll(".gap")].find((each) => each.dataset.place === "after" && each.dataset.beside === path)
      if (gap) openInsertMenu(build, gap)
    } else if (event.key === "Enter" && path === build.data.chosen) {
      // What is chosen already is edited: on to its settings, from where Escape leads back.
      const own = (each) => each.closest(".group.chosen") ?? each.closest(".card.chosen")
      focusElsewhere("editor", "[data-id]", (found) => found.find((each) => own(each)?.matches(".group")) ?? found.find(own) ?? found.find((each) => each.closest(".card")) ?? found[0])
    } else return
    event.preventDefault()
    event.stopPropagation()
  }, true)
}

function neighbour(build, node, step) {
  const siblings = [...node.closest("svg").querySelectorAll("g[data-path]")]
  return siblings[siblings.indexOf(node) + step]
}

function extendTo(build, path) {
  const from = build.memory.anchorPath ?? build.data.tools?.path
  if (!from) return choose(build, path)
  build.memory.commands.send("extend", { from, to: path })
}

// The field for the name, once what it names is chosen.
function focusName(build) {
  const input = build.root.querySelector(".node-name")
  if (!input || input.dataset.path !== build.memory.naming) return
  build.memory.naming = null
  input.focus()
  input.select()
}

// A column or a box that is taken hold of goes to the gap where it is let go.
function listenToDrags(build) {
  const { root } = build
  root.addEventListener("pointerdown", (event) => {
    const node = event.target.closest?.("g[data-path]")
    if (!node || event.button || event.pointerType === "touch") return
    const path = node.getAttribute("data-path")
    const { tools } = build.data
    const run = tools?.paths.includes(path) ? { path: tools.path, count: tools.count } : { path, count: 1 }
    let ghost = null, target = null
    const move = (at) => {
      if (!ghost && Math.hypot(at.clientX - event.clientX, at.clientY - event.clientY) < DRAG_PX) return
      if (!ghost) {
        ghost = html(root, "div", { class: "ghost", "aria-hidden": "true" }, run.count > 1 ? `${run.count} layers` : path.split("/").pop())
        root.classList.add("dragging")
      }
      const frame = root.getBoundingClientRect()
      ghost.style.left = `${at.clientX - frame.left + 10}px`
      ghost.style.top = `${at.clientY - frame.top + 10}px`
      const nearest = nearestGap(root, at)
      if (nearest !== target) {
        target?.classList.remove("target")
        nearest?.classList.add("target")
        target = nearest
      }
    }
    const end = (how) => {
      for (const [kind, listener] of [["pointermove", move], ["pointerup", drop], ["pointercancel", cancel]]) window.removeEventListener(kind, listener, true)
      window.removeEventListener("keydown", escape, true)
      root.classList.remove("dragging")
      target?.classList.remove("target")
      ghost?.remove()
      if (how && ghost && target) act(build, { do: "relocate", ...run, place: placeOf(target).place, target: placeOf(target).path })
      // The click that ends a drag chooses nothing.
      if (ghost) root.addEventListener("click", (click) => click.stopPropagation(), { capture: true, once: true })
      if (ghost) setTimeout(() => root.dispatchEvent(new Event("click")), 120) // where none came, none waits
    }
    const drop = () => end(true), cancel = () => end(false)
    const escape = (key) => key.key === "Escape" && end(false)
    window.addEventListener("pointermove", move, true)
    window.addEventListener("pointerup", drop, true)
    window.addEventListener("pointercancel", cancel, true)
    window.addEventListener("keydown", escape, true)
  })
}

function nearestGap(root, { clientX, clientY }) {
  let best = null, least = DROP_PX
  for (const gap of root.querySelectorAll(".gap")) {
    const box = gap.querySelector(".hit").getBoundingClientRect()
    const away = Math.hypot(box.left + box.width / 2 - clientX, box.top + box.height / 2 - clientY)
    if (away < least) [best, least] = [gap, away]
  }
  return best
}
