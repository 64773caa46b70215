// Commands of the product's components: put before common.js, in every component's script.
// What a visitor does reaches the server in order and exactly once. Streamlit keeps one value a trigger, and a second
// one overwrites the first that was not read yet. So the components of a page share one queue; every message carries
// all commands that are not acknowledged, and the server (pages/ui/commands.py) skips those that it has seen.

const RESEND_MS = 4000 // a server that is idle and has not answered after this time has not got the message
const RESEND_AT_ONCE_MS = 500 // the same where the connection broke, or the page of the command is gone
const MAX_RESENDS = 8
const BATCH_MS = 50 // for each command under way, those behind it wait so long for one another: each message is a run of the page
const LONGEST_BATCH_MS = 1000
const LONGEST_HOLD_MS = 3000 // a link is followed after this time, whatever the server has acknowledged

function outbox() {
  return (window[Symbol.for("inception-explorer.outbox")] ??= holdNavigation({
    nonce: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`, // of this load of the page
    last: 0, pending: [], offered: null, channels: new Map(), waiting: new Map(), timer: 0, carried: 0, transmitted: 0, resent: 0, slowest: 0, broken: false,
    link: null, following: false,
  }))
}

// A name of this tab that a reload keeps, and nothing else does: what was done before can be taken back after it.
function nameOfTab() {
  const box = outbox()
  if (box.tab) return box.tab
  const key = "inception-explorer.tab"
  box.tab = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  try {
    if (performance.getEntriesByType("navigation")[0]?.type === "reload") box.tab = sessionStorage.getItem(key) ?? box.tab
    sessionStorage.setItem(key, box.tab)
  } catch {
    // A browser that stores nothing begins anew at each load.
  }
  return box.tab
}

// A link that is clicked while commands are under way is followed when they are acknowledged. Streamlit sends a trigger a
// moment after it is set, and as of the page that it still shows: behind the click it would lead back to that page.
function holdNavigation(box) {
  document.addEventListener("click", (event) => {
    const link = event.composedPath().find((node) => node.tagName === "A" && node.href)
    const opensHere = link && !link.download && !link.target.startsWith("_b") && !event.ctrlKey && !event.metaKey && !event.shiftKey
    if (!opensHere || !box.pending.length || box.following) return
    event.preventDefault()
    event.stopImmediatePropagation()
    box.link = link
    setTimeout(() => followLink(box), LONGEST_HOLD_MS)
  }, true)
  return box
}

function followLink(box) {
  const { link } = box
  box.link = null
  if (!link?.isConnected) return
  box.following = true
  link.click()
  box.following = false
}

// The commands of one mounted component. `send` queues one. `offer` is for values that follow one another quickly: only
// the newest waits, until all before it are acknowledged; `withdraw` takes it back.
function connect(parentElement, { address, nonce, id }, setTriggerValue) {
  const box = outbox()
  for (const [known, channel] of box.channels) if (!channel.parentElement.isConnected) box.channels.delete(known)
  box.channels.set(address, { parentElement, setTriggerValue })
  if (nonce === box.nonce) acknowledge(box, id)
  if (box.pending.length) awaitAcknowledgement(box)
  return {
    send(name, value) {
      promote(box)
      enqueue(box, address, name, value)
    },
    offer(name, value) {
      box.offered = { address, name, value }
      if (!box.pending.length) promote(box)
    },
    withdraw() {
      box.offered = null
    },
    isBusy: () => box.pending.length > 0,
  }
}

function enqueue(box, to, name, value) {
  box.last += 1
  box.pending.push({ id: box.last, to, name, value })
  box.resent = 0
  box.sent = performance.now()
  transmit(box, to)
  awaitAcknowledgement(box)
}

function promote(box) {
  if (!box.offered) return
  const { address, name, value } = box.offered
  box.offered = null
  enqueue(box, address, name, value)
}

function acknowledge(box, id) {
  const left = box.pending.filter((command) => command.id > id)
  if (left.length === box.pending.length) return
  box.pending = left
  box.resent = 0
  box.broken = false
  if (left.length) {
    if (left[0].id > box.carried) for (const address of box.waiting.keys()) transmitNow(box, address)
    return
  }
  box.slowest = Math.max(box.slowest, performance.now() - box.sent)
  promote(box)
  if (!box.pending.length) followLink(box)
}

// One message a tick; while one is under way, the next goes when it is acknowledged, or after a while.
function transmit(box, address) {
  if (box.waiting.has(address)) return
  const go = () => transmitNow(box, address)
  const underWay = box.pending[0]?.id <= box.carried
  const wait = underWay ? box.transmitted + Math.min(LONGEST_BATCH_MS, BATCH_MS * box.pending.length) - performance.now() : 0
  box.waiting.set(address, wait > 0 ? setTimeout(go, wait) : queueMicrotask(go))
}

function transmitNow(box, address) {
  if (!box.waiting.has(address)) return
  clearTimeout(box.waiting.get(address))
  box.waiting.delete(address)
  if (!box.pending.length) return
  box.carried = box.pending.at(-1).id
  box.transmitted = performance.now()
  box.channels.get(address)?.setTriggerValue("commands", { nonce: box.nonce, commands: box.pending })
}

function awaitAcknowledgement(box) {
  clearTimeout(box.timer)
  const lost = box.broken || !box.pending.some(({ to }) => box.channels.get(to)?.parentElement.isConnected)
  const patience = lost ? RESEND_AT_ONCE_MS : Math.max(RESEND_MS, 3 * box.slowest)
  box.timer = setTimeout(() => {
    if (!box.pending.length || box.resent >= MAX_RESENDS) return
    const app = document.querySelector("[data-testid=stApp]")?.dataset
    if (app && app.testConnectionState !== "CONNECTED") box.broken = true
    else if (!app || app.testScriptState === "notRunning") {
      // Through the components that the commands are for, in turn; where none of them is there any more, through another.
      const live = [...box.channels].filter(([, { parentElement }]) => parentElement.isConnected).map(([address]) => address)
      const own = live.filter((address) => box.pending.some(({ to }) => to === address))
      const ways = own.length ? own : live
      if (ways.length) transmit(box, ways[box.resent % ways.length])
      box.resent += 1
    }
    awaitAcknowledgement(box)
  }, Math.min(60_000, patience * 2 ** box.resent))
}
