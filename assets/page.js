// A page completes its bare address with what it shows. That is no step of the visitor's: Back goes to the page before.
(() => {
  const mark = Symbol.for("inception-explorer.history")
  if (window[mark]) return
  window[mark] = true
  let acted = false // since the bare address was reached
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (acted = true), true)
  const push = history.pushState.bind(history)
  history.pushState = (state, title, address) => {
    if (location.search || acted) push(state, title, address)
    else history.replaceState(state, title, address)
    if (!location.search) acted = false
  }
})()
