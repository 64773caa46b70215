// A button whose presses are commands: as many as were made, in order with everything else that the visitor does.
// data: {label, icon, hint, shortcuts: ["Ctrl+Z"], disabled}; command "press": null.

export default component(({ data, root, memory, send }) => {
  memory.button ||= html(root, "button", { class: "press", type: "button" })
  const { button } = memory
  button.replaceChildren()
  drawIcon(button, data.icon)
  button.title = `${data.hint} (${data.shortcuts[0]})`
  button.setAttribute("aria-label", data.label)
  button.disabled = data.disabled
  button.onclick = () => send("press", null)
  memory.listening?.abort()
  memory.listening = new AbortController()
  document.addEventListener("keydown", (event) => {
    if (!root.isConnected) return memory.listening.abort()
    if (!data.shortcuts.includes(shortcutOf(event)) || isTyping(event) || button.disabled) return
    event.preventDefault()
    send("press", null)
  }, { signal: memory.listening.signal })
})

const shortcutOf = (event) =>
  `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.shiftKey ? "Shift+" : ""}${event.key.length === 1 ? event.key.toUpperCase() : event.key}`

// Where text is typed, Ctrl+Z belongs to the text; not in a field of ours whose text was taken (controls.js).
function isTyping(event) {
  const [node] = event.composedPath()
  if ("rest" in node.dataset) return false
  return node.isContentEditable || node.tagName === "TEXTAREA" || (node.tagName === "INPUT" && !["range", "checkbox", "radio", "button"].includes(node.type))
}
