// What a program printed, as it printed it: a box that scrolls, by keyboard too.
// data: {title, text, height}; at most so many pixels.

export default component(({ data, root }) => {
  const area = root.querySelector(".area") || html(root, "div", { class: "area" })
  area.replaceChildren()
  const title = titleLine(area, data.title)
  const box = html(area, "pre", { tabindex: 0, role: "region", "aria-label": data.title, style: `max-height:${data.height}px` }, data.text)
  if (!navigator.clipboard) return // only where the address is secure
  const copy = html(html(title, "span", { class: "push" }), "button", { class: "tool", type: "button" }, "Copy")
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(box.textContent)
    copy.textContent = "Copied"
  })
})
