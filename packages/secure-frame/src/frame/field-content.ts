import type { Fill } from '@lunadefend/contract/frame-messages'
import {
  BLANK,
  type Draft,
  type Edit,
  edited,
  emptied,
  filled,
  fillOf,
  isUnsaved,
  tokenized,
  tokenOf,
} from './draft.ts'
import { FrameError } from './failure.ts'
import type { Obeys } from './rules.ts'

/** The place where text is typed and shown. */
export interface Box {
  text(): string
  /** Puts this text in place of what is there. */
  show(text: string): void
  wait(isWaiting: boolean): void
}

/** What is in a field, and which token stands for it. */
export interface FieldContent {
  load(tokenId: string): Promise<void>
  /** Throws `invalid` when typed text breaks the rules; stored text has none. What was typed stays if anything fails. */
  tokenize(obeys: Obeys): Promise<string>
  typed(edit: Edit): void
  clear(): void
  wipe(): void
  isStored(): boolean
  fill(obeys: Obeys, isJudged: boolean): Fill
}

export interface ContentNeeds {
  readonly box: Box
  readonly store: (text: string) => Promise<string>
  readonly read: (tokenId: string) => Promise<string>
}

export function holdContent({ box, store, read }: ContentNeeds): FieldContent {
  let draft: Draft = BLANK
  /** Another one from the moment that answers under way are too late. */
  let era = {}
  let loading: { readonly tokenId: string; readonly done: Promise<void> } | null = null
  let sending: { readonly text: string; readonly done: Promise<string> } | null = null
  /** A session ended, and with it what stood here: until something new is here, `''` would be a wrong answer. */
  let isLost = false

  function leaveLoad(): void {
    era = {}
    loading = null
    box.wait(false)
  }

  function replace(next: Draft): void {
    leaveLoad()
    isLost = false
    draft = next
    box.show('')
  }

  async function loadInto(mine: object, tokenId: string): Promise<void> {
    try {
      const text = await read(tokenId)
      if (mine !== era) return
      box.show(text)
      // The box may hold it a little differently: a field of one line has no line feeds.
      draft = filled(tokenId, box.text())
    } catch (error) {
      if (mine === era) throw error
    } finally {
      if (mine === era) leaveLoad()
    }
  }

  async function send(mine: object, text: string): Promise<string> {
    try {
      const tokenId = await store(text)
      if (mine === era) draft = tokenized(draft, tokenId, text)
      return tokenId
    } finally {
      if (sending?.text === text) sending = null
    }
  }

  return {
    async load(tokenId) {
      const text = box.text()
      if (loading?.tokenId === tokenId) return loading.done
      if (isUnsaved(draft, text)) return
      if (text !== '' && tokenOf(draft, text) === tokenId) return
      if (tokenId === '') return replace(emptied(draft))
      replace(filled(tokenId, ''))
      box.wait(true)
      loading = { tokenId, done: loadInto(era, tokenId) }
      return loading.done
    },

    async tokenize(obeys) {
      if (isLost) throw new FrameError('session-changed')
      const text = box.text()
      const known = tokenOf(draft, text)
      if (known !== null) return known
      if (!draft.isStored && !obeys(text)) throw new FrameError('invalid')
      if (text === '') return ''
      if (sending?.text !== text) sending = { text, done: send(era, text) }
      return sending.done
    },

    typed(edit) {
      if (loading !== null) leaveLoad()
      isLost = false
      draft = edited(draft, edit)
    },

    clear: () => replace(emptied(draft)),
    wipe() {
      const stood = isLost || draft.saved !== null || box.text() !== ''
      replace(emptied(draft))
      isLost = stood
    },
    isStored: () => draft.isStored,
    fill: (obeys, isJudged) => fillOf(draft, box.text(), () => obeys(box.text()), isJudged),
  }
}
