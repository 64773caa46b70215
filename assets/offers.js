// What can be done where something cannot, put before the scripts of the editor and of the picture in which networks are built.

let gestures = 0 // of this load of the page: one that is mounted anew must not go on with an older one's

const idOf = (command) => JSON.stringify(command)

function send(memory, command, gesture = ++gestures, phase = "commit") {
  memory.commands.send("edit", { gesture, phase, command })
}

function drawButton(parent, { label, command, hint, off }, memory, style) {
  const icon = style === "icon"
  const button = html(parent, "button", {
    class: style, type: "button", title: hint, "aria-label": icon ? hint : null, "data-id": idOf(command), "data-tool": "offer", disabled: off ? "" : null,
  }, icon ? undefined : label)
  if (icon) drawIcon(button, label)
  button.addEventListener("click", () => send(memory, command, null))
}

// What can be done where something cannot: a sentence, and a button for each way that was found.
function drawOffers(box, { text, offers }, memory) {
  box.replaceChildren()
  html(box, "div", {}, text)
  if (!offers.length) return
  const row = html(box, "div", { class: "options" })
  for (const offer of offers) drawButton(row, offer, memory, "plain")
}
