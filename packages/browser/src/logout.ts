import { LunaDefendError } from './errors.ts'
import { FrameLink, linksOf } from './frame-link.ts'
import { configuredPage, type LunaDefendPage } from './page.ts'

/**
 * Ends the session of the frames. Every frame of the application in this browser, on all pages, forgets what was shown
 * or typed in it at once, and opens no session before its page asks for something. Call it beside your own logout; the
 * server's `sessions.revoke` is what ends the session for a browser that cannot be reached.
 * @param page the connection; the configured one by default
 * @throws LunaDefendError when the Tokenizer could not be told; the frames are empty all the same
 */
export async function logout(page: LunaDefendPage | null = configuredPage()): Promise<void> {
  if (page === null) throw new LunaDefendError('not-configured')
  const links = linksOf(page)
  const speaker = links.find(({ started }) => started) ?? openFrame(page)
  for (const link of links) if (link !== speaker) link.leave()
  try {
    await speaker.request({ type: 'logout' })
  } finally {
    speaker.leave()
  }
}

/** Where the page has no frame: one that nobody sees, and that opens no session. */
function openFrame(page: LunaDefendPage): FrameLink {
  const close = (): void => link.close(new LunaDefendError('removed'))
  const link: FrameLink = new FrameLink({
    page,
    component: 'paragraph',
    locale: 'en',
    title: '',
    greeting: () => [],
    onNews: () => {},
    onLeave: close,
    onLost: close,
    onRefused: () => {},
  })
  link.iframe.hidden = true
  document.body.append(link.iframe)
  return link
}
