// The controls of the editor, put before its script: buttons, menus, choices, fields and ribbon sliders. A slider's track is
// the curve of a metric over its whole range; the browser reads the value under the thumb from the ribbon's own points, the
// server follows while the thumb moves. What a control is: explorer.editor.describe_controls(...).

// A button that opens a list of things to choose from; where it has an icon, that is all it shows. Nothing is chosen before Enter.
function drawMenu(parent, menu, memory, icon = "") {
  const box = html(parent, "span", { class: `menu${icon ? " small" : ""}` })
  const button = html(box, "button", {
    class: icon ? "icon" : "plain", type: "button", title: menu.label, "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-label": icon ? menu.label : null, "data-id": `menu:${idOf(menu.command)}`, disabled: menu.options.length ? null : "",
  }, icon ? undefined : `+ ${menu.label}`)
  if (icon) drawIcon(button, icon)
  let list = null
  const close = () => {
    const gone = list
    list = null // before the removal: it takes the focus away, and that would close again
    gone?.remove()
    button.setAttribute("aria-expanded", "false")
  }
  const open = () => {
    list = html(box, "span", { class: "list", role: "menu", "aria-label": menu.label })
    for (const { value, label, ok = true } of menu.options) {
      const item = html(list, "button", {
        type: "button", role: "menuitem", "data-value": value,
        class: ok ? null : "off", title: ok ? null : OFF, "aria-description": ok ? null : OFF,
      }, label)
      item.addEventListener("click", () => {
        close()
        button.focus()
        send(memory, { ...menu.command, value }, ++gestures, ok ? "commit" : "ask")
      })
    }
    button.setAttribute("aria-expanded", "true")
    list.firstElementChild.focus()
    list.scrollIntoView({ block: "nearest" })
  }
  button.addEventListener("click", () => (list ? close() : open()))
  box.addEventListener("keydown", (event) => {
    if (!list) return
    const items = [...list.children]
    const at = items.indexOf(box.getRootNode().activeElement)
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === "Escape") {
      close()
      button.focus()
    } else if (step) items[(at + step + items.length) % items.length].focus()
    else return
    event.preventDefault()
  })
  box.addEventListener("focusout", (event) => box.contains(event.relatedTarget) || close())
}

// The controls of a node; those that are rarely wanted are folded away, and stay unfolded once somebody has asked.
function drawControls(parent, controls, memory, id) {
  for (const control of controls) control.more || drawControl(parent, control, memory)
  const rest = controls.filter((control) => control.more)
  if (!rest.length) return
  memory.unfolded ??= new Set()
  const box = html(parent, "details", { class: "more", open: memory.unfolded.has(id) ? "" : null })
  box.addEventListener("toggle", () => memory.unfolded[box.open ? "add" : "delete"](id))
  html(box, "summary", { "data-id": `more:${id}` }, "More")
  for (const control of rest) drawControl(box, control, memory)
}

function drawControl(parent, control, memory) {
  const box = html(parent, "div", { class: `control ${control.type}` })
  drawField(box, control, memory)
  const { refused } = memory
  if (refused && control.command && idOf(refused.command) === idOf(control.command)) drawOffers(html(box, "div", { class: "refused" }), refused, memory)
}

function drawField(box, control, memory) {
  if (control.type === "ribbon") return drawRibbon(box, control, memory)
  const top = html(box, "div", { class: "top" })
  if (control.label) html(top, "span", { class: "caption" }, control.label)
  if (control.type === "choice") drawChoice(box, control, memory)
  if (control.type === "buttons") {
    const row = html(box, "div", { class: "options" })
    for (const button of control.buttons) drawButton(row, button, memory, "plain")
  }
  if (control.type === "select") {
    const select = html(top, "select", { "aria-label": control.label, "data-id": idOf(control.command) })
    if (control.value === null) html(select, "option", { value: "", selected: "" }, "mixed")
    for (const { value, label } of control.options) html(select, "option", { value, ...(value === control.value ? { selected: "" } : {}) }, label)
    select.addEventListener("change", () => select.value && send(memory, { ...control.command, value: select.value }))
  }
  if (control.type === "number") {
    const input = html(top, "input", { class: "exact", type: "text", inputmode: "decimal", value: control.value, "aria-label": control.label,
      "data-id": idOf(control.command), title: `${formatCount(control.low)} to ${formatCount(control.high)}`, placeholder: control.once ? "×" : "" })
    onTyped(input, memory, () => String(control.value), (text) => send(memory, { ...control.command, value: text }))
    memory.ribbons.set(idOf(control.command), { update: () => memory.typing?.input === input || setText(input, String(control.value)) })
  }
}

// A field that is selected as a whole, ready to be typed over, stays so.
function setText(input, text) {
  if (input.value === text) return
  const whole = input.selectionStart === 0 && input.selectionEnd === input.value.length
  input.value = text
  if (whole && input === input.getRootNode().activeElement) input.select()
}

// Enter or leaving the field sends what was typed; Escape brings the old text back. Pressing something else sends it
// first: a button that takes no focus, as Safari's, would leave it behind.
function onTyped(input, memory, current, commit) {
  const elsewhere = (event) => event.composedPath().includes(input) || done()
  const settle = () => {
    input.dataset.rest = ""
    if (memory.typing?.input === input) memory.typing = null
    document.removeEventListener("pointerdown", elsewhere, true)
  }
  const done = () => {
    const text = input.value.trim()
    const typing = memory.typing?.input === input
    settle()
    if (!text) input.value = current()
    else if (typing) commit(text) // the present value, too: it is the answer to what was refused before
  }
  settle()
  input.addEventListener("input", () => {
    memory.typing = { input }
    delete input.dataset.rest
    document.addEventListener("pointerdown", elsewhere, true)
  })
  input.addEventListener("change", done)
  input.addEventListener("blur", done)
  input.addEventListener("keydown", (event) => {
    const typing = memory.typing?.input === input
    if (event.key === "Escape") {
      input.value = current()
      settle()
    }
    if (event.key === "Enter") done() // no 'change' comes where the text is what it was before
    const step = (event.ctrlKey || event.metaKey) && "zy".includes(event.key.toLowerCase())
    if (step && "rest" in input.dataset) event.preventDefault() // the step is the design's: button.js
    else if (event.key !== "Escape" || typing) event.stopPropagation() // with nothing to take back, Escape leaves the panel
  })
  input.addEventListener("focus", () => input.select())
}

const OFF = "Does not fit as it is: press for what must change first"

function drawChoice(box, control, memory) {
  const row = html(box.querySelector(".top"), "div", { class: "options", role: "radiogroup", "aria-label": control.label })
  const buttons = control.options.map(({ value, label, ok }) => {
    const on = value === control.value
    const button = html(row, "button", {
      type: "button", role: "radio", "aria-checked": on ? "true" : "false", "data-id": `${idOf(control.command)}:${value}`,
      class: ok ? null : "off", title: ok ? "" : OFF, "aria-description": ok ? null : OFF,
      tabindex: on || (control.value === null && value === control.options[0].value) ? "0" : "-1",
    }, label)
    // One that does not fit changes nothing: it is answered by what must change first.
    button.addEventListener("click", () => on || send(memory, { ...control.command, value }, ++gestures, ok ? "commit" : "ask"))
    return button
  })
  if (control.typed) {
    const named = `${control.command.path ? `${control.command.path} ` : ""}${control.label}, exact value`
    const input = html(box.querySelector(".top"), "input", { class: "exact", type: "text", value: control.text, "aria-label": named,
      title: control.typed, "data-id": `exact:${idOf(control.command)}` })
    onTyped(input, memory, () => control.text, (text) => send(memory, { ...control.command, value: text }))
  }
  buttons.forEach((button, index) => button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    for (let at = index + step; at >= 0 && at < buttons.length; at += step) {
      buttons[at].focus()
      return control.options[at].ok && buttons[at].click()
    }
  }))
}

// ---- the ribbon slider -------------------------------------------------------------------------------------------

function drawRibbon(box, first, memory) {
  let control = first
  const id = idOf(control.command)
  const top = html(box, "div", { class: "top" })
  const named = `${control.command.path ? `${control.command.path} ` : ""}${control.label}`
  html(top, "span", { class: "caption" }, control.label)
  const exact = html(top, "input", { class: "exact", type: "text", inputmode: control.typed ? "text" : "decimal", "aria-label": `${named}, exact value`, "data-id": `exact:${id}`,
    title: control.typed || "" })
  // What the field may hold beside the numbers of the track.
  const words = (control.words || []).map((word) => {
    const button = html(top, "button", { type: "button", class: "plain word", "data-id": `word:${idOf(word.command)}` }, word.label)
    button.addEventListener("click", () => control.text === word.label || send(memory, word.command))
    return { button, label: word.label }
  })
  top.append(exact)
  const only = html(box, "div", { class: "only" })
  const track = html(box, "div", { class: "track" })
  const picture = svg(track, "svg", { width: "100%", height: 40, preserveAspectRatio: "none", "aria-hidden": "true" })
  const under = svg(picture, "path", { class: "under" })
  const curve = svg(picture, "path", { class: "curve" })
  const was = svg(picture, "line", { class: "was", y1: 2, y2: 38 })
  const stem = svg(picture, "line", { class: "stem" })
  const thumb = svg(picture, "circle", { class: "thumb", r: 6 })
  const bubble = html(track, "div", { class: "bubble", "aria-hidden": "true" })
  const range = html(track, "input", { type: "range", min: 0, step: 1, "aria-label": named, "data-id": id })

  const inset = 8 // half a native thumb, so that pointer and picture agree
  // Asked of the browser once: each question behind a change has it lay out the page anew. The others are mostly as wide.
  let width = memory.trackWidth ??= Math.max(60, track.clientWidth || 240)
  let low = 0, high = 0
  const x = (index) => inset + (width - 2 * inset) * (control.points.length > 1 ? index / (control.points.length - 1) : 0.5)
  const y = (value) => {
    const share = high > low ? (value - low) / (high - low) : 0.12
    // The curve starts at a fifth of the height where the metric does not fall to nothing: a floor reads as a floor.
    return 34 - 24 * share
  }

  function drawCurve() {
    let line = "", fill = "", start = null
    control.points.forEach(([, value], index) => {
      if (value === null) {
        if (start !== null) fill += ` L ${x(index - 1)} 39 L ${start} 39 Z`
        start = null
        return
      }
      const at = `${x(index)} ${y(value)}`
      line += start === null ? ` M ${at}` : ` L ${at}`
      fill += start === null ? ` M ${at}` : ` L ${at}`
      if (start === null) start = x(index)
      if (index === control.points.length - 1) fill += ` L ${x(index)} 39 L ${start} 39 Z`
    })
    curve.setAttribute("d", line)
    under.setAttribute("d", fill)
    const base = control.points.findIndex(([value]) => value === control.base)
    const moved = base >= 0 && control.base !== control.value
    was.style.visibility = moved ? "" : "hidden"
    if (moved) for (const end of ["x1", "x2"]) was.setAttribute(end, x(base))
  }

  function drawThumb(index) {
    const [value, metric, text] = control.points[index]
    const at = metric === null ? 36 : y(metric)
    thumb.setAttribute("cx", x(index))
    thumb.setAttribute("cy", at)
    stem.setAttribute("x1", x(index))
    stem.setAttribute("x2", x(index))
    stem.setAttribute("y1", Math.max(0, at - 17))
    stem.setAttribute("y2", 38)
    bubble.textContent = `${formatCount(value)} → ${text}`
    if (track.classList.contains("active")) placeBubble()
    range.setAttribute("aria-valuetext", `${formatCount(value)}, ${text}`)
    if (exact !== exact.getRootNode().activeElement) exact.value = index === indexOf(control) ? control.text : formatCount(value)
  }

  function placeBubble() {
    const half = bubble.offsetWidth / 2
    bubble.style.left = `${Math.min(Math.max(x(Number(range.value)), half), Math.max(half, width - half))}px`
  }

  function activate() {
    track.classList.add("active")
    placeBubble()
  }

  const indexOf = (from) => Math.max(0, from.points.findIndex(([value]) => value === from.value))

  let drawn = false

  function update(next) {
    // Keys may be ahead of the server: while their commands are under way the thumb stays where they have put it.
    const ahead = drawn && memory.commands.isBusy() ? control.points[Number(range.value)]?.[0] : undefined
    control = next
    drawn = true
    const known = control.points.map((point) => point[1]).filter((value) => value !== null)
    low = Math.min(...known)
    high = Math.max(...known)
    const alone = known.length < 2
    track.hidden = alone
    box.classList.toggle("alone", alone)
    only.hidden = !control.locked
    if (control.locked && JSON.stringify(control.locked) !== only.dataset.drawn) {
      only.dataset.drawn = JSON.stringify(control.locked)
      drawOffers(only, control.locked, memory)
    }
    range.max = control.points.length - 1
    const index = control.points.findIndex(([value]) => value === ahead)
    range.value = index < 0 ? indexOf(control) : index
    for (const { button, label } of words) button.setAttribute("aria-pressed", control.text === label ? "true" : "false")
    if (memory.typing?.input !== exact) setText(exact, control.text)
    drawCurve()
    drawThumb(Number(range.value))
  }

  let moved = false
  const commandAt = (index) => ({ ...control.command, value: control.points[index][0] })
  range.addEventListener("pointerdown", () => {
    memory.dragging = id
    moved = false
    memory.dragGesture = ++gestures
    activate()
  })
  range.addEventListener("input", () => {
    const index = Number(range.value)
    drawThumb(index)
    activate()
    if (memory.dragging === id && control.points[index][1] !== null) {
      moved = true
      memory.commands.offer("edit", { gesture: memory.dragGesture, phase: "drag", command: commandAt(index) })
    }
  })
  // 'change' comes on release of the pointer and after each key.
  range.addEventListener("change", () => {
    const index = Number(range.value)
    const dragged = memory.dragging === id
    memory.dragging = null
    memory.commands.withdraw()
    track.classList.toggle("active", !dragged)
    if (control.points[index][1] === null) {
      range.value = indexOf(control)
      drawThumb(indexOf(control))
      return
    }
    send(memory, commandAt(index), dragged ? memory.dragGesture : undefined)
  })
  const release = () => setTimeout(() => {
    track.classList.remove("active")
    if (memory.dragging !== id) return
    memory.dragging = null
    if (!moved) return
    memory.commands.withdraw() // released where it was taken: no 'change' follows
    send(memory, commandAt(Number(range.value)), memory.dragGesture)
  }, 50)
  range.addEventListener("pointerup", release)
  range.addEventListener("pointercancel", release)
  range.addEventListener("blur", () => track.classList.remove("active"))
  range.addEventListener("pointerenter", activate)
  range.addEventListener("pointerleave", () => memory.dragging || track.classList.remove("active"))
  onTyped(exact, memory, () => control.text, (text) => send(memory, { ...control.command, value: text }))
  observe(track, memory, ([{ contentRect }]) => {
    if (!contentRect.width || Math.abs(contentRect.width - width) < 1) return
    memory.trackWidth = width = contentRect.width
    drawCurve()
    drawThumb(Number(range.value))
  })
  memory.ribbons.set(id, { update })
  update(control)
}
