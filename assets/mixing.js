// A 1×1 convolution by hand: maps of the input with numbers to edit, its weights, and what it makes of each place.
// data: {maps: [[number]], side, weights, bias, sums: [text], outputs: [text], equations, at, palette}
// commands "set": {what: "map" | "weight" | "bias", map, place, value}, "at": place

export default component(({ data, root, send }) => {
  const area = root.querySelector(".mixing") || html(root, "div", { class: "mixing" })
  const focused = root.getRootNode().activeElement?.dataset?.key
  area.replaceChildren()
  const field = (parent, label, key, value, change) => {
    const input = html(parent, "input", { type: "number", step: "any", value, "aria-label": label, "data-key": key })
    input.addEventListener("change", () => {
      const number = Number.parseFloat(input.value)
      if (Number.isFinite(number)) change(number)
      else input.value = value
    })
    return input
  }
  const column = (title) => {
    const box = html(area, "div", { class: "part", role: "group", "aria-label": title })
    html(box, "div", { class: "head" }, title)
    return box
  }
  const place = (index) => `row ${Math.floor(index / data.side) + 1}, column ${(index % data.side) + 1}`
  data.maps.forEach((map, number) => {
    const box = column(`Channel ${number + 1}`)
    const grid = html(box, "div", { class: "grid", style: `grid-template-columns: repeat(${data.side}, 1fr)` })
    map.forEach((value, index) => {
      const input = field(grid, `Channel ${number + 1}, ${place(index)}`, `map-${number}-${index}`, value,
        (found) => send("set", { what: "map", map: number, place: index, value: found }))
      input.classList.toggle("here", index === data.at)
      input.addEventListener("focus", () => {
        if (index !== data.at) send("at", index)
      })
    })
    const line = html(box, "label", { class: "weight" })
    html(line, "span", {}, `weight w${number + 1}`)
    field(line, `Weight of channel ${number + 1}`, `weight-${number}`, data.weights[number],
      (found) => send("set", { what: "weight", map: number, place: 0, value: found }))
  })
  const bias = column("Bias")
  field(bias, "Bias", "bias", data.bias, (found) => send("set", { what: "bias", map: 0, place: 0, value: found })).classList.add("alone")
  for (const [title, values, key] of [["Sum", data.sums, "sum"], ["ReLU", data.outputs, "relu"]]) {
    const box = column(title)
    const grid = html(box, "div", { class: "grid", style: `grid-template-columns: repeat(${data.side}, 1fr)` })
    const cells = values.map((text, index) => {
      const cell = html(grid, "button", {
        type: "button", class: `cell${index === data.at ? " here" : ""}${key === "relu" && text === "0" ? " off" : ""}`,
        "aria-label": `${text}: ${title}, ${place(index)}, ${data.equations[index]}`, "aria-pressed": String(index === data.at), "data-key": `${key}-${index}`,
      }, text)
      cell.addEventListener("click", () => send("at", index))
      return cell
    })
    rovingFocus(cells, data.at)
  }
  const said = root.querySelector(".said") || html(root, "div", { class: "said", role: "status" })
  const where = place(data.at)
  said.textContent = `${where[0].toUpperCase()}${where.slice(1)}: ${data.equations[data.at]}`
  if (focused) area.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true })
})
