import { cleanFileName } from '@lunadefend/content-cipher/file-envelope'
import type { Fill, Presentation } from '@lunadefend/contract/frame-messages'
import { percentIn, sizeIn, timeIn } from './amounts.ts'
import { type Brought, watchBringing } from './dropped-files.ts'
import { codeOf, FrameError } from './failure.ts'
import { type FileUpload, type Stage, type UploadNeeds, uploadFile } from './file-upload.ts'
import { printOf } from './file-value.ts'
import { type KeptUpload, openKeptUploads } from './kept-uploads.ts'
import { measurePace } from './pace.ts'
import { applyStyle } from './style.ts'
import { thumbnailOf } from './thumbnail.ts'
import { makeRow, type Row } from './upload-row.ts'
import { type FileRules, type Refusal, readFileRules } from './upload-rules.ts'
import { makeUploadView } from './upload-view.ts'
import { say } from './upload-words.ts'
import type { Widget, WidgetNeeds } from './widget.ts'

/** Files that are sent at the same time; the others wait. */
const FILES_AT_ONCE = 2
/** What is shown of a progress is brought up to date so often, and what is read out, in milliseconds. */
const SHOW_MS = 200
const ANNOUNCE_MS = 10_000
/** Without any movement for so long an upload is tried again, in milliseconds. */
const STALL_MS = 30_000

interface Item {
  readonly row: Row
  readonly name: string
  readonly stage: () => Stage | 'stored'
  readonly tokenId: () => string
  readonly render: () => void
  /** `null` for a file that was stored before. */
  readonly upload: FileUpload | null
}

/** A field that takes files. They are sent as soon as they are chosen; the page hears nothing of them but states. */
export function mountUpload({ send, call, app, objectStoreOrigin }: WidgetNeeds): Widget {
  const kept = openKeptUploads(app)
  const items: Item[] = []
  let rules: FileRules = readFileRules({})
  let isRequired = false
  let presentation: Presentation = {}
  let interrupted: KeptUpload[] = []
  let isFocused = false
  let isTouched = false
  let isOver = false
  /** What was here belonged to a session that is over: `''` would be a wrong answer. */
  let isLost = false
  let told = ''
  let isShowing = false
  let announcedAt = 0

  /** Ends with the session: a file that is still looked at then was brought by somebody else. */
  let visit = new AbortController()
  let taking = Promise.resolve()

  const view = makeUploadView({ chosen: (files) => take({ files, folders: [] }), focusMoved })

  const isClosed = (): boolean => isOver || presentation.disabled === true || presentation.readOnly === true
  /** Of the texts: numbers are in the same. */
  const lang = (): string => document.documentElement.lang

  function focusMoved(next: boolean): void {
    isFocused = next
    tell()
  }

  // What the page hears

  function fill(): Fill {
    const stages = items.map(({ stage }) => stage())
    if (stages.length === 0) return 'empty'
    if (stages.includes('failed')) return 'invalid'
    if (stages.some((stage) => stage !== 'done' && stage !== 'stored')) return 'incomplete'
    return stages.includes('done') ? 'complete' : 'prefilled'
  }

  /** Also when nothing but the tokens have changed: the page then asks for them. */
  function tell(): void {
    const state = { fill: fill(), focused: isFocused }
    const text = JSON.stringify([state, items.map(({ tokenId }) => tokenId())])
    if (text === told) return
    told = text
    send({ type: 'state', ...state })
  }

  // The files

  /** One after the other: whether there is room is known when those before are here. */
  function take(brought: Brought): void {
    const { signal } = visit
    const next = (): Promise<void> => takeNow(brought, signal)
    taking = taking.then(next, next)
  }

  async function takeNow({ files, folders }: Brought, over: AbortSignal): Promise<void> {
    const isLate = (): boolean => over.aborted || isClosed()
    if (isLate()) return
    isTouched = true
    isLost = false
    const flaws = folders.map((name) => flawOf('folder', name, 0))
    let taken = 0
    for (const file of files) {
      const refusal = rules.refuse(file, rules.isMany ? items.length : taken)
      if (refusal !== null) {
        flaws.push(flawOf(refusal, file.name, file.size))
        continue
      }
      taken += 1
      const found = await findInterrupted(file)
      if (isLate()) {
        found?.release()
        return
      }
      if (!rules.isMany) for (const item of [...items]) drop(item)
      add(file, found)
    }
    view.tell(flaws)
  }

  function flawOf(refusal: Refusal, rawName: string, bytes: number): string {
    const name = isolated(cleanFileName(rawName))
    const size = sizeIn(bytes, lang())
    switch (refusal) {
      case 'type':
        return say('refusedType', { name, accept: rules.accept.replaceAll(',', ', ') })
      case 'size':
        return say('refusedSize', { name, size, limit: sizeIn(rules.mostBytes, lang()) })
      case 'count':
        return say('refusedCount', { name, limit: String(rules.mostFiles) })
      case 'folder':
        return say('refusedFolder', { name })
    }
  }

  function add(file: File, found: Parameters<typeof uploadFile>[2]): void {
    const upload = uploadFile(file, needs(), found)
    const pace = measurePace()
    let shown: Stage | null = null
    const name = cleanFileName(file.name)
    const row = makeRow(name, {
      remove: () => {
        drop(item)
        view.announce(say('announceRemoved', { name: isolated(name) }))
      },
      pause: () => upload.pause(),
      go: () => void upload.go().then(advance),
    })
    const item: Item = {
      ...{ row, name, upload, stage: upload.stage, tokenId: upload.tokenId },
      render() {
        const stage = upload.stage()
        // Of what does not move there is nothing new to say.
        if (stage === shown && stage !== 'checking' && stage !== 'sending') return
        shown = stage
        const sent = upload.progress() * file.size
        if (stage === 'sending') pace.reached(sent, performance.now())
        else pace.restart()
        const words = wordsOf(upload, file.size, sent, pace.speed())
        row.show({ stage, progress: upload.progress(), words })
      },
    }
    items.push(item)
    view.add(row)
    item.render()
    void thumbnailOf(file).then((picture) => picture !== null && row.showPicture(picture))
    tell()
    advance()
  }

  const needs = (): UploadNeeds => ({
    ...{ call, objectStoreOrigin, kept, stallMs: STALL_MS, moved },
    place: presentation.label ?? '',
  })

  /** Begins what waits, as far as there is room. */
  function advance(): void {
    const running = items.filter(({ stage }) => RUNNING.has(stage())).length
    const waiting = items.filter(({ stage }) => stage() === 'waiting')
    for (const { upload } of waiting.slice(0, Math.max(0, FILES_AT_ONCE - running)))
      void upload?.go().then(advance)
  }

  function drop(item: Item): void {
    item.upload?.cancel()
    const place = items.indexOf(item)
    if (place >= 0) items.splice(place, 1)
    view.remove(item.row)
    tell()
    advance()
  }

  function empty(end: (upload: FileUpload) => void): void {
    for (const { row, upload } of items.splice(0)) {
      if (upload !== null) end(upload)
      view.remove(row)
    }
    view.tell([])
    view.announce('')
    tell()
  }

  // What the user sees

  /** Steps of an upload are many; what is shown follows a few times a second, what the page hears at once. */
  function moved(): void {
    tell()
    if (isShowing) return
    isShowing = true
    setTimeout(() => {
      isShowing = false
      for (const item of items) item.render()
      announce()
    }, SHOW_MS)
  }

  function wordsOf(upload: FileUpload, size: number, sentBytes: number, speed: number): string {
    const stage = upload.stage()
    const total = sizeIn(size, lang())
    const sent = sizeIn(sentBytes, lang())
    if (stage === 'failed') return say(upload.isUnreadable() ? 'unreadable' : 'failed')
    if (stage !== 'sending' || speed === 0) return say(stage, { sent, total })
    const left = timeIn((size - sentBytes) / speed, lang())
    return say('sendingSoon', { sent, total, left, speed: sizeIn(speed, lang()) })
  }

  const announced = new WeakMap<Item, Stage>()
  function announce(): void {
    for (const item of items) {
      const stage = item.upload?.stage()
      if (stage === undefined || announced.get(item) === stage) continue
      announced.set(item, stage)
      const name = isolated(item.name)
      if (stage === 'done') view.announce(say('announceDone', { name }))
      if (stage === 'failed') view.announce(say('announceFailed', { name }))
      if (stage === 'reconnecting') view.announce(say('reconnecting'))
    }
    const now = performance.now()
    const running = items.flatMap(({ upload }) => (upload?.stage() === 'sending' ? [upload] : []))
    if (running.length === 0 || now - announcedAt < ANNOUNCE_MS) return
    announcedAt = now
    const part = running.reduce((sum, upload) => sum + upload.progress(), 0) / running.length
    view.announce(say('announceProgress', { percent: percentIn(part, lang()) }))
  }

  // What was interrupted

  async function findInterrupted(file: File) {
    for (const each of interrupted) {
      if ((await printOf(file, each.markKey)) !== each.print) continue
      const release = await kept.hold(each.tokenId)
      if (release === null) continue
      offer(interrupted.filter((other) => other !== each))
      return { kept: each, release }
    }
    return null
  }

  /** Of this field, of this session, and not under way in another frame. */
  async function lookForInterrupted(): Promise<void> {
    const { signal } = visit
    const found: KeptUpload[] = []
    for (const each of await kept.all()) {
      if (each.place !== (presentation.label ?? '')) continue
      const release = await kept.hold(each.tokenId)
      if (release === null) continue
      if (await mayGoOn(each)) found.push(each)
      release()
    }
    if (!signal.aborted) offer(found)
  }

  async function mayGoOn({ tokenId }: KeptUpload): Promise<boolean> {
    try {
      await call('/upload/parts', { tokenId, partNumbers: [1], resume: false })
      return true
    } catch (error) {
      const isGone = codeOf(error) === 'access-denied' || codeOf(error) === 'failed'
      if (isGone) await kept.drop(tokenId)
      return !isGone
    }
  }

  function offer(next: KeptUpload[]): void {
    interrupted = next
    view.offer(
      next.map((each) => ({
        text: say('interrupted', { time: new Date(each.begunAt).toLocaleTimeString(lang() || undefined) }),
        discard: () => {
          offer(interrupted.filter((other) => other !== each))
          view.focus()
          void kept.drop(each.tokenId)
          void call('/upload/abort', { tokenId: each.tokenId }).catch(() => {})
        },
      })),
    )
  }

  // What the page asks for

  function update(change: Presentation): void {
    presentation = { ...presentation, ...change }
    view.present(presentation, isRequired)
    view.disable(isClosed())
  }

  async function tokenize(): Promise<readonly string[]> {
    if (isLost) throw new FrameError('session-changed')
    const now = fill()
    if (now === 'incomplete') throw new FrameError('busy')
    if (now === 'invalid' || (now === 'empty' && isRequired)) throw new FrameError('invalid')
    return items.map(({ tokenId }) => tokenId())
  }

  return {
    configure(settings) {
      rules = readFileRules(settings)
      isRequired = settings.required === true
      view.open(rules, settings.capture)
      update(settings)
      watchBringing({
        brought: take,
        hovers: (isHovering) => view.root.classList.toggle('over', isHovering),
        isOpen: () => !isClosed(),
      })
      void lookForInterrupted()
    },
    update,
    style: (style) => applyStyle(view.root, style),
    /** One more file that is stored already. Nothing is read, and nothing is known of it. */
    async load(tokenId) {
      if (tokenId === '' || items.some((item) => item.tokenId() === tokenId)) return
      const name = say('stored')
      const row = makeRow(name, { remove: () => drop(item), pause() {}, go() {} })
      const item: Item = {
        ...{ row, name, upload: null, stage: () => 'stored', tokenId: () => tokenId },
        render: () => row.show({ stage: 'stored', progress: 1, words: '' }),
      }
      items.push(item)
      view.add(row)
      item.render()
      tell()
    },
    tokenize,
    focus: view.focus,
    clear: () => empty((upload) => upload.cancel()),
    wipe(over) {
      visit.abort()
      visit = new AbortController()
      isOver = over
      isLost = items.length > 0 || isLost
      empty((upload) => upload.leave())
      offer([])
      view.disable(isClosed())
    },
    isTouched: () => isTouched,
  }
}

const RUNNING: ReadonlySet<string> = new Set(['checking', 'sending', 'reconnecting'])

/** A name keeps its direction to itself, in the middle of a sentence (Unicode UAX 9, FSI and PDI). */
function isolated(name: string): string {
  return `\u2068${name}\u2069`
}
