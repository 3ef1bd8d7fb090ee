import type { Component, HostMessage } from '@lunadefend/contract/frame-messages'
import { LONGEST_TEXT } from '@lunadefend/contract/frame-texts'
import { setState } from './appearance.ts'
import { LunaDefendError } from './errors.ts'
import { catchUp, shield } from './focus-shield.ts'
import { FrameLink, type FrameNews } from './frame-link.ts'
import { type Appearance, drawBox, looksOf, type Theme, themeOf } from './look.ts'
import { configuredPage, type LunaDefendPage, watchAppearance, whenConfigured } from './page.ts'
import { styleOf } from './presentation.ts'
import { startInTurn } from './starting-order.ts'

export interface ElementFrameNeeds {
  readonly host: HTMLElement
  readonly root: ShadowRoot
  readonly internals: ElementInternals
  /** Which one this is; asked for with each new frame. */
  readonly component: () => Component
  readonly title: () => string
  /** What the next frame may do besides, as the `allow` attribute of an iframe has it. @default nothing */
  readonly allow?: () => 'clipboard-write' | ''
  /** The first message; the style follows by itself. */
  readonly configure: () => HostMessage
  /** There is a new frame; what is sent to it waits until it has loaded. */
  readonly onFrame: (link: FrameLink) => void
  /** The frame, if there was one, is gone. @returns whether something that the user typed went with it */
  readonly onGone: () => boolean
  readonly onNews: (news: FrameNews) => void
  /** This page has logged the user out. */
  readonly onLeave: () => void
  readonly onFailure: (error: LunaDefendError) => void
}

/** What a page may have hundreds of, and nobody types into. */
const MANY: ReadonlySet<Component> = new Set(['paragraph', 'image'])

/** How often a frame that broke down is replaced without anybody asking, until it has proved itself again. */
const MOST_HEALINGS = 3

/** The frame in an element: there while the element is in a document and has a connection, replaced when it breaks. */
export class ElementFrame {
  readonly #needs: ElementFrameNeeds
  #page: LunaDefendPage | null = null
  #link: FrameLink | null = null
  #inDocument = new AbortController()
  #healings = 0
  #appearance: Appearance | null = null
  readonly #box = new CSSStyleSheet()
  /** States whose look the frame has been told. The others look as they do by themselves. */
  readonly #told = new Set<string>()
  #isResting = false
  /** While the frame waits for others to start. */
  #turn: AbortController | null = null
  #mayScroll = true
  #isInFrame = false
  /** The focus is here, and whether the page scrolls for it has been settled. */
  #isPlaced = false

  constructor(needs: ElementFrameNeeds) {
    this.#needs = needs
    needs.root.adoptedStyleSheets.push(this.#box)
  }

  get link(): FrameLink | null {
    return this.#link
  }

  /** The connection of this element; the configured one where it was given none. */
  get page(): LunaDefendPage | null {
    return this.#page ?? configuredPage()
  }

  usePage(page: LunaDefendPage | null): void {
    const before = this.page
    this.#page = page
    if (this.page !== before || this.#link === null) this.replace()
  }

  get appearance(): Appearance | null {
    return this.#appearance
  }
  set appearance(appearance: Appearance | null) {
    this.#appearance = appearance
    this.restyle()
  }

  /** The element came into a document. */
  enter(): void {
    this.#inDocument = new AbortController()
    const { signal } = this.#inDocument
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.restyle(), { signal })
    watchAppearance((page) => {
      if (page === this.page) this.restyle()
    }, signal)
    this.#draw()
    this.#connect()
  }

  /** The element left its document. */
  leave(): void {
    this.#inDocument.abort()
    this.#drop(new LunaDefendError('removed'))
  }

  /** Somebody needs the frame: one that is gone comes back. */
  revive(): void {
    this.#healings = 0
    this.#connect()
  }

  /** No frame, and so no session and no value, until somebody needs one. */
  rest(error: LunaDefendError): void {
    this.#drop(error)
    this.#isResting = true
  }

  /** The page has something for the frame: one that rests comes back. */
  wake(): void {
    if (this.#isResting) this.#connect()
  }

  /** A new frame for the old one; requests under way are rejected with this error. */
  replace(error = new LunaDefendError('removed')): void {
    this.#drop(error)
    this.#connect()
  }

  /** @throws LunaDefendError `not-configured`, `removed` */
  require(): FrameLink {
    this.#connect()
    if (this.#link !== null) return this.#link
    throw new LunaDefendError(this.#needs.host.isConnected ? 'not-configured' : 'removed')
  }

  /** The frame did its work. */
  proved(): void {
    this.#healings = 0
  }

  send(message: HostMessage): void {
    this.#link?.send(message)
  }

  restyle(): void {
    const theme = this.#draw()
    if (this.#link === null) return
    for (const message of [this.#style(), ...this.#looks(theme)]) this.send(message)
  }

  #connect(): void {
    const { host, component } = this.#needs
    if (!host.isConnected || this.#link !== null || this.#turn !== null) return
    const { page } = this
    if (page === null) {
      whenConfigured(() => this.#connect(), this.#inDocument.signal)
      return
    }
    this.#isResting = false
    if (!MANY.has(component())) {
      this.#open(page)
      return
    }
    this.#turn = new AbortController()
    startInTurn(() => this.#open(page).begun, this.#turn.signal)
  }

  #open(page: LunaDefendPage): FrameLink {
    const { root } = this.#needs
    const link = this.#makeLink(page)
    this.#turn = null
    this.#link = link
    // The frame element can get the focus in many ways; the field in it is to have it then.
    shield(link.iframe, () => this.#focused(link))
    root.append(link.iframe)
    this.#needs.onFrame(link)
    return link
  }

  #makeLink(page: LunaDefendPage): FrameLink {
    const { host, component, title, allow, onFailure, onLeave } = this.#needs
    return new FrameLink({
      page,
      component: component(),
      locale: page.localeOf(host),
      title: title(),
      greeting: () => [...textsFor(component(), page), ...this.#greeting()],
      allow: allow?.() ?? '',
      onNews: (news) => this.#hear(news),
      onLeave,
      onLost: (error) => this.#lost(error),
      onRefused: (code) => onFailure(new LunaDefendError(code)),
    })
  }

  /** Asked for when the frame has loaded: by then the page's labels are there, too. */
  #greeting(): HostMessage[] {
    const { configure, title } = this.#needs
    if (this.#link !== null) this.#link.iframe.title = title()
    this.#told.clear()
    return [...this.#looks(this.#draw()), configure(), this.#style()]
  }

  #looks(theme: Theme): HostMessage[] {
    const looks = looksOf(theme).filter(({ state, style }) => this.#told.has(state) || !isEmpty(style))
    for (const { state } of looks) this.#told.add(state)
    return looks.map(({ state, style }) => ({ type: 'look', state, ...style }))
  }

  /** The box of the element, of which the style of the frame is taken then. */
  #draw(): Theme {
    const theme = themeOf(this.#needs.host, [this.page?.appearance, this.#appearance])
    drawBox(this.#box, theme)
    return theme
  }

  #style(): HostMessage {
    return { type: 'style', ...styleOf(this.#needs.host) }
  }

  #hear(news: FrameNews): void {
    if (news.type === 'ready') {
      setState(this.#needs.internals, 'ready', true)
      this.#refocus()
    }
    if (news.type === 'state') {
      if (news.focused) this.#arrived()
      this.#isPlaced = news.focused
    }
    this.#needs.onNews(news)
  }

  /** The focus that an element got while its frame was loading is not that of the frame's document yet. */
  #refocus(): void {
    const iframe = this.#link?.iframe
    if (iframe === undefined || this.#needs.root.activeElement !== iframe) return
    iframe.blur()
    this.focus({ preventScroll: true })
  }

  #arrived(): void {
    if (this.#isPlaced) return
    showFocused(this.#needs.host)
    if (this.#link !== null) catchUp(this.#link.iframe, this.#comeAlong)
  }

  /** The focus of the page, to where the user is. In the frame nothing is to move. */
  readonly #comeAlong = (): void => {
    if (!this.#isPlaced) return
    this.#isInFrame = true
    this.#link?.iframe.focus({ preventScroll: true })
    this.#isInFrame = false
  }

  focus(options?: FocusOptions): void {
    this.#mayScroll = options?.preventScroll !== true
    this.#link?.iframe.focus(options)
    this.#mayScroll = true
  }

  /** The browser scrolls to an input that it gives the focus, and not to a frame: be it for a label, a ref or a flaw. */
  #focused(link: FrameLink): void {
    if (this.#isInFrame) return
    link.send({ type: 'focus' })
    this.#isPlaced = true
    if (this.#mayScroll) this.#needs.host.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }

  #drop(error: LunaDefendError): boolean {
    const link = this.#link
    this.#link = null
    this.#turn?.abort()
    this.#turn = null
    link?.close(error)
    setState(this.#needs.internals, 'ready', false)
    this.#isPlaced = false
    return this.#needs.onGone()
  }

  #lost(error: LunaDefendError): void {
    const lost = this.#drop(error)
    const started = error.code === 'value-lost'
    if (lost || !started) this.#needs.onFailure(error)
    if (!started || this.#healings >= MOST_HEALINGS) return
    this.#healings++
    this.#connect()
  }
}

/** As for an input that gets the focus by Tab: Chromium scrolls for one in a frame, too, and Firefox only for a key typed into it. */
function showFocused(host: HTMLElement): void {
  const look = new IntersectionObserver((entries) => {
    look.disconnect()
    if (!entries.some(({ isIntersecting }) => isIntersecting))
      host.scrollIntoView({ block: 'center', inline: 'nearest' })
  })
  look.observe(host)
}

function isEmpty(style: object): boolean {
  return Object.keys(style).length === 0
}

/** The page's own words for what the component says. */
function textsFor(component: Component, page: LunaDefendPage): HostMessage[] {
  const own: { readonly [component: string]: { readonly [key: string]: string } } = page.texts
  return Object.entries(own[component] ?? {}).map(([key, text]) => ({
    type: 'text',
    key: key.slice(0, 40),
    text: String(text).slice(0, LONGEST_TEXT),
  }))
}
