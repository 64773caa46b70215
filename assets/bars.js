// Numbers as bars: predictions with their probabilities, signed contributions, or a reliability diagram.
// data: {title, note, alt, bars: [{label, value, text, detail, kind, strong}], most} or {title, note, alt, bins: [{low,
// high, images, confidence, accuracy}]}

export default component(({ data, root, memory, tip }) => {
  const area = root.querySelector(".area") || html(root, "div", { class: "area" })
  onWidth(root, memory, (width) => {
    area.replaceChildren()
    const title = titleLine(area, data.title, data.note)
    const tool = html(html(title, "span", { class: "push" }), "button", { class: "tool", type: "button", title: `Save ${data.title} as PNG` }, "PNG")
    tool.addEventListener("click", () => (data.bins ? savePicture(area.querySelector("svg"), data.title, "png") : saveBars(area, data)))
    if (data.bins) drawReliability(area, data, Math.max(240, Math.min(width, 460)), tip)
    else drawBars(area, data, tip)
  })
})

function drawBars(area, data, tip) {
  const list = html(area, "div", { class: "bars", role: "list", "aria-label": data.alt })
  const signed = data.bars.some((bar) => bar.value < 0)
  const most = data.most || Math.max(1e-12, ...data.bars.map((bar) => Math.abs(bar.value)))
  for (const bar of data.bars) {
    const row = html(list, "div", { class: `bar${bar.strong ? " strong" : ""}`, role: "listitem" })
    html(row, "span", { class: "label", title: bar.label }, bar.label)
    const track = html(row, "span", { class: `track${signed ? " signed" : ""}` })
    const wide = (signed ? 50 : 100) * Math.min(1, Math.abs(bar.value) / most)
    const side = signed ? (bar.value < 0 ? `right:50%` : `left:50%`) : "left:0"
    html(track, "i", { style: `width:${wide}%;${side};${bar.kind ? `background:${kindColor(bar.kind)}` : ""}`, class: bar.value < 0 ? "minus" : "" })
    html(row, "span", { class: "value" }, bar.text)
    html(row, "span", { class: "detail" }, bar.detail || "")
    interactive(row, { facts: [[bar.label, bar.text], ...(bar.detail ? [["", bar.detail]] : [])], tip })
  }
}

// The bars as a picture, which is there while it is saved.
function saveBars(area, data) {
  const high = 24, left = 150, wide = 240, numbers = left + wide + 80
  const picture = plot(area, numbers + 90, 34 + high * data.bars.length, data.alt, "img")
  plotText(picture, 10, 20, `${data.title} · ${data.note}`, { "font-weight": 600 })
  const signed = data.bars.some((bar) => bar.value < 0)
  const most = data.most || Math.max(1e-12, ...data.bars.map((bar) => Math.abs(bar.value)))
  data.bars.forEach((bar, index) => {
    const y = 34 + high * index, long = (signed ? wide / 2 : wide) * Math.min(1, Math.abs(bar.value) / most)
    plotText(picture, left - 8, y + 12, shortened(bar.label, 22), { "text-anchor": "end" })
    svg(picture, "rect", { x: left, y, width: wide, height: 15, style: "fill:var(--faint)" })
    svg(picture, "rect", { x: left + (signed ? wide / 2 : 0) - (bar.value < 0 ? long : 0), y, width: long, height: 15, style: `fill:${bar.kind ? kindColor(bar.kind) : "var(--st-primary-color)"}` })
    plotText(picture, numbers, y + 12, bar.text, { "text-anchor": "end" })
    plotText(picture, numbers + 80, y + 12, bar.detail || "", { "text-anchor": "end" })
  })
  savePicture(picture, data.title, "png")
  picture.remove()
}

// Accuracy over confidence (Guo et al. 2017): where bars meet the diagonal, the model is as often right as it says.
function drawReliability(area, data, width, tip) {
  const left = 38, bottom = 34, top = 8, side = width - left - 10, high = Math.min(side, 300)
  const picture = plot(area, width, top + high + bottom, data.alt, "img")
  picture.style.maxWidth = "100%"
  const x = (value) => left + side * value, y = (value) => top + high * (1 - value)
  const quarters = [0, 0.25, 0.5, 0.75, 1]
  gridRows(picture, quarters, y, left, left + side, (value) => formatCount(100 * value))
  gridColumns(picture, quarters, x, null, top + high - 2, (value) => formatCount(100 * value))
  for (const bin of data.bins) {
    if (!bin.images) continue
    const gap = svg(picture, "rect", { class: "gap", x: x(bin.low) + 1, y: y(Math.max(bin.accuracy, bin.confidence)), width: Math.max(1, side * (bin.high - bin.low) - 2), height: Math.max(0.5, high * Math.abs(bin.accuracy - bin.confidence)) })
    const rect = svg(picture, "rect", { class: "right", x: x(bin.low) + 1, y: y(bin.accuracy), width: Math.max(1, side * (bin.high - bin.low) - 2), height: Math.max(0.5, high * bin.accuracy) })
    const facts = [["confidence", `${formatNumber(100 * bin.low)} … ${formatNumber(100 * bin.high)} %, mean ${formatNumber(100 * bin.confidence)} %`], ["right", `${formatNumber(100 * bin.accuracy)} %`], ["images", formatCount(bin.images)]]
    for (const node of [gap, rect]) interactive(node, { facts, tip })
  }
  svg(picture, "line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) })
  tickText(picture, left + side / 2, top + high + 29, "confidence, % (bars: share that is right, %)", { "text-anchor": "middle" })
}
