// Sliders in a column, whose values travel while they move.
// data: {rows: [{name, label, unit, low, high, step, neutral, value, hint}], along}
// trigger "set": {name, value}; "reset": null.

export default component(({ data, root, memory, send }) => {
  if (!root.querySelector(".rows")) {
    html(root, "div", { class: "rows" })
    html(root, "button", { type: "button", class: "act" }, "As it was").addEventListener("click", () => send("reset", null))
    memory.rows = new Map()
  }
  const area = root.querySelector(".rows")
  for (const row of data.rows) {
    if (!memory.rows.has(row.name)) memory.rows.set(row.name, build(area, row, memory))
    memory.rows.get(row.name)(row, data.along === row.name)
  }
  root.querySelector(".act").disabled = data.rows.every((row) => row.value === row.neutral)
})

function build(area, row, memory) {
  const label = html(area, "label", { class: "row", title: row.hint })
  html(label, "span", { class: "name" }, row.label)
  const range = html(label, "input", { type: "range", min: row.low, max: row.high, step: row.step, "data-name": row.name })
  const shown = html(label, "output", {})
  const tell = () => {
    const text = `${range.value.replace("-", "−")} ${row.unit}`
    shown.textContent = text
    range.setAttribute("aria-valuetext", text)
    label.classList.toggle("moved", Number(range.value) !== row.neutral)
  }
  range.addEventListener("input", () => {
    tell()
    memory.commands.offer("set", { name: row.name, value: Number(range.value) })
  })
  return (next, along) => {
    label.classList.toggle("along", along)
    // While a hand is on it, and its command under way, the thumb stays where it was put: the server's value is older.
    if (!memory.commands.isBusy() || range !== range.getRootNode().activeElement) range.value = next.value
    tell()
  }
}
