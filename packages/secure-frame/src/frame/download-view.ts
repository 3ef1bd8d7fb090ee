import type { Presentation } from '@lunadefend/contract/frame-messages'
import { sizeIn } from './amounts.ts'
import { type Content, takeContent } from './content.ts'
import { entitle } from './control.ts'
import { downloadName } from './download-name.ts'
import { make, makeButton, makeStatus } from './element.ts'
import { FrameError } from './failure.ts'
import { objectUrls } from './object-urls.ts'
import { applyStyle } from './style.ts'
import { speaker } from './texts.ts'
import { SHOWS_ONLY, type Widget, type WidgetNeeds } from './widget.ts'

const say = speaker<'download'>()

/** So long a browser has to take up what it was told to save, in milliseconds. */
const TAKEN_UP_MS = 60_000

/**
 * A button that saves what a token stands for. Nothing is fetched before the user clicks, so nothing is too old then; the
 * page hears neither of the click nor of what comes of it.
 */
export function mountDownload({ receive }: WidgetNeeds): Widget {
  const element = make('div', '', 'value')
  const button = makeButton(say('download'), () => void download())
  const cancel = makeButton(say('cancel'), () => end(say('cancelled')))
  const bar = progressBar()
  const status = makeStatus()
  const urls = objectUrls()
  let token = ''
  /** What is under way. */
  let work: AbortController | null = null

  /** Ends what is under way, and says how it ended. */
  function end(...said: readonly (string | Node)[]): void {
    const hadFocus = document.activeElement === cancel
    work?.abort(new FrameError('failed'))
    work = null
    bar.hide()
    cancel.hidden = true
    button.ariaDisabled = String(token === '')
    status.replaceChildren(...said)
    if (hadFocus && document.hasFocus()) button.focus()
  }

  async function download(): Promise<void> {
    if (work !== null || token === '') return
    const mine = begin()
    try {
      const content = await receive(token, mine.signal, (arriving) => takeContent(arriving, bar.show))
      if (work !== mine || content === null) return
      // A browser that has no room for it says so only to who reads: it would be told that it was saved, and was not.
      await content.blob.slice(-1).arrayBuffer()
      if (work === mine) end(...named(say('saved'), save(content)))
    } catch {
      if (work === mine) end(say('failed'))
    }
  }

  function begin(): AbortController {
    work = new AbortController()
    cancel.hidden = false
    button.ariaDisabled = 'true'
    bar.show(0, null)
    status.textContent = say('downloading')
    return work
  }

  function save({ label, blob, isText }: Content): string {
    const name = downloadName(label, isText)
    const url = urls.make(new Blob([blob], { type: 'application/octet-stream' }))
    Object.assign(document.createElement('a'), { href: url, download: name }).click()
    setTimeout(() => urls.revoke(url), TAKEN_UP_MS)
    return name
  }

  function forget(): void {
    token = ''
    urls.revokeAll()
    end()
  }

  function update(presentation: Presentation): void {
    entitle(element, presentation, say('title'))
    const { label } = presentation
    if (label !== undefined) button.textContent = label || say('download')
  }

  return {
    ...SHOWS_ONLY,
    configure(settings) {
      element.append(button, ' ', cancel, ' ', ...bar.nodes, ' ', status)
      end()
      document.body.append(element)
      update(settings)
    },
    update,
    style: (style) => applyStyle(element, style),
    async load(tokenId) {
      token = tokenId
      end()
    },
    focus: () => button.focus(),
    clear: forget,
    wipe: forget,
  }
}

/** The text with the name in it, each in its own direction. */
function named(text: string, name: string): (string | Node)[] {
  const [before = '', after = ''] = text.split('{name}')
  return [before, make('bdi', name), after]
}

/** How far it is. The bar says it to screen readers when they are asked; the amounts are for eyes. */
function progressBar() {
  const bar = make('progress')
  bar.ariaLabel = say('progress')
  const amount = make('span')
  amount.ariaHidden = 'true'
  return {
    nodes: [bar, ' ', amount],
    show(done: number, total: number | null): void {
      bar.hidden = false
      if (total === null || total === 0) bar.removeAttribute('value')
      else bar.value = done / total
      amount.textContent = done === 0 ? '' : amountOf(done, total)
    },
    hide(): void {
      bar.hidden = true
      amount.textContent = ''
    },
  }
}

function amountOf(done: number, total: number | null): string {
  const { lang } = document.documentElement
  if (total === null) return sizeIn(done, lang)
  return say('amount', { done: sizeIn(done, lang), total: sizeIn(total, lang) })
}
