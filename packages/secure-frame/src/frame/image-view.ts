import type { Presentation } from '@lunadefend/contract/frame-messages'
import { type Content, takeContent } from './content.ts'
import { entitle } from './control.ts'
import { make, makeStatus } from './element.ts'
import { FrameError } from './failure.ts'
import { objectUrls } from './object-urls.ts'
import { rasterTypeOf, TELLING_BYTES } from './raster-type.ts'
import { applyStyle } from './style.ts'
import { speaker } from './texts.ts'
import { SHOWS_ONLY, type Widget, type WidgetNeeds } from './widget.ts'

const say = speaker<'image'>()

/** A bigger one is not shown, in bytes. */
const LARGEST = 64 * 1024 * 1024

/**
 * Shows a picture in a box whose size is the page's. Whatever the value is, the page hears the same once it has come: it
 * is not to learn of what kind a value is by showing it here.
 */
export function mountImage({ receive }: WidgetNeeds): Widget {
  const element = make('div', '', 'value')
  const status = makeStatus()
  const urls = objectUrls()
  let image: HTMLImageElement | null = null
  let label = ''
  let stop = new AbortController()

  /** Shows nothing, and ends what is under way. */
  function empty(): AbortSignal {
    stop.abort(new FrameError('failed'))
    stop = new AbortController()
    image?.removeAttribute('src')
    image = null
    urls.revokeAll()
    status.textContent = ''
    element.replaceChildren(status)
    element.ariaBusy = 'false'
    return stop.signal
  }

  function update(presentation: Presentation): void {
    entitle(element, presentation, say('title'))
    label = presentation.label ?? label
    if (image !== null) image.alt = label
  }

  async function load(tokenId: string): Promise<void> {
    const mine = empty()
    if (tokenId === '') return
    element.ariaBusy = 'true'
    try {
      const content = await receive(tokenId, mine, (arriving) => takeContent(arriving, undefined, LARGEST))
      const type = content && (await typeOf(content))
      if (!mine.aborted) show(content, type)
    } catch (error) {
      // What came in its place has an answer of its own.
      if (!mine.aborted) throw error
    } finally {
      if (!mine.aborted) element.ariaBusy = 'false'
    }
  }

  function show(content: Content | null, type: string | null): void {
    if (content === null || type === null) {
      refuse()
      return
    }
    const shown = make('img')
    const url = urls.make(new Blob([content.blob], { type }))
    image = shown
    shown.alt = label
    shown.draggable = false
    shown.src = url
    element.replaceChildren(shown, status)
    void shown
      .decode()
      .catch(() => image === shown && refuse())
      .finally(() => urls.revoke(url))
  }

  function refuse(): void {
    element.replaceChildren(status)
    status.textContent = say('noPicture')
  }

  return {
    ...SHOWS_ONLY,
    configure(settings) {
      element.classList.toggle('cover', settings.fit === 'cover')
      element.append(status)
      document.body.append(element)
      update(settings)
    },
    update,
    style: (style) => applyStyle(element, style),
    load,
    focus() {},
    clear: empty,
    wipe: empty,
  }
}

async function typeOf({ blob }: Content): Promise<string | null> {
  return rasterTypeOf(new Uint8Array(await blob.slice(0, TELLING_BYTES).arrayBuffer()))
}
