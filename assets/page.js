// Whoever signs in comes back to the bare address: what they had asked for waits in this tab for so long.
(() => {
  const key = "inception-explorer.asked", minutes = 15
  const mark = document.querySelector("[data-signed-in]")
  if (mark === null) return
  if (mark.dataset.signedIn === "no") {
    const asked = { address: location.pathname + location.search, at: Date.now() }
    if (asked.address !== "/") sessionStorage.setItem(key, JSON.stringify(asked))
    return
  }
  const kept = sessionStorage.getItem(key)
  sessionStorage.removeItem(key)
  const { address, at } = JSON.parse(kept ?? "{}")
  if (!address || Date.now() - at > minutes * 60000 || address === location.pathname + location.search) return
  window[Symbol.for("inception-explorer.history")] = true // the page is left: a step back, below, would end that
  location.replace(address)
})();

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
  takeBareAddressOut()

  // The bare address leads on to a page before this script is there. The step to that page is made one with it: back to
  // it, unseen by the page, and there the page's address in its place.
  function takeBareAddressOut() {
    const asked = new URL(performance.getEntriesByType("navigation")[0]?.name ?? location.href)
    if (asked.pathname === location.pathname || !asked.pathname.endsWith("/")) return
    const replace = history.replaceState.bind(history)
    let latest = [history.state, "", location.href]
    history.replaceState = (...address) => replace(...(latest = address))
    addEventListener("popstate", (event) => {
      event.stopImmediatePropagation()
      history.replaceState = replace
      replace(...latest)
    }, { capture: true, once: true })
    history.back()
  }
})()
