// What a page writes into its address on arrival is no step of the visitor's: Back goes to the page before.
(() => {
  const mark = Symbol.for("inception-explorer.history")
  if (window[mark]) return
  window[mark] = true
  let arrived = true // and nothing done here since
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (arrived = false), true)
  addEventListener("popstate", () => (arrived = true), true)
  const push = history.pushState.bind(history)
  history.pushState = (state, title, address) => {
    const before = location.pathname
    if (arrived) history.replaceState(state, title, address)
    else push(state, title, address)
    arrived ||= location.pathname !== before
  }
})()
