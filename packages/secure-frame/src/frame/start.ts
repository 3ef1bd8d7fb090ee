import { type FrameMessage, parseHostMessage } from '@lunadefend/contract/frame-messages'
import { askForAssertions } from './assertions.ts'
import { type Configuration, readConfiguration, WAITS } from './configuration.ts'
import { awaitConnection, type Connection, mayStart } from './connection.ts'
import { keepsCookies } from './cookie-probe.ts'
import { handshake } from './handshake.ts'
import { type Desk, obeyPage } from './obey-page.ts'
import { keepSession } from './session.ts'
import { meetSiblings } from './siblings.ts'
import { takeTexts } from './texts.ts'
import { forgetUploads } from './upload-storage.ts'
import { openValues } from './values.ts'
import type { Mount } from './widget.ts'

/** Brings one component to life, as soon as the page has connected. */
export function start(mount: Mount): void {
  if (!mayStart(window)) return
  const configuration = readConfiguration(document)
  takeTexts(configuration.texts)
  awaitConnection(window, configuration.origins, (connection) => serve(configuration, connection, mount))
}

/** The only place that knows how the parts fit together. */
function serve(configuration: Configuration, { port, page, origin }: Connection, mount: Mount): void {
  const { app, cookies, objectStoreOrigin } = configuration
  const waits = { ...WAITS, ...configuration.waits }
  const send = (message: FrameMessage): void => port.postMessage(message)
  const assertions = askForAssertions(send, waits.assertion)
  const about = { app, tokenizer: window.origin, origin, waitMs: waits.call, askPage: assertions.ask }
  const leave: Desk['leave'] = (why) => {
    forgetUploads(app)
    return desk.leave(why)
  }
  const session = keepSession({
    meet: (mine) => meetSiblings({ app, page, turnMs: waits.turn, ...mine }),
    handshake: (keep, held) => handshake(about, keep, held),
    keepsCookies: () => keepsCookies(cookies),
    changed: () => leave('session-changed'),
    loggedOut: () => leave('logged-out'),
    callMs: waits.call,
    retryMs: waits.retry,
  })
  const values = openValues({ session, objectStoreOrigin, waits })
  const widget = mount({ send, ...values, call: session.call, app, page, objectStoreOrigin })
  const { begin, logout } = session
  const desk = obeyPage({ widget, send, settle: assertions.settle, begin, logout, requestMs: waits.request })
  port.onmessage = ({ data }) => {
    const message = parseHostMessage(data)
    if (message !== null) desk.receive(message)
  }
  // Dragged out, a text or a picture would be the page's, which can lay what looks like a game over the frame.
  window.addEventListener('dragstart', (event) => event.preventDefault())
  send({ type: 'ready' })
}
