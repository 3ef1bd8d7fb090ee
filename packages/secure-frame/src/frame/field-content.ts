import type { Fill } from '@lunadefend/contract/frame-messages'
import {
  BLANK,
  chosen,
  type Draft,
  type Edit,
  edited,
  emptied,
  filled,
  fillOf,
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
  /**
   * The user did something with a choice, perhaps without a change. From here on not even the same text keeps its
   * token: the page, which words the options, could tell by the token whether a pick is what was stored.
   */
  handled(): void
  /** The user picked what is in the box now. */
  chosen(): void
  clear(): void
  wipe(): void
  isStored(): boolean
  /** Whether a session ended that something here belonged to, and nothing new is here. */
  isLost(): boolean
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
  /** How often a choice was handled: ever, and before the draft's token was known. */
  let handlings = 0
  let vouched = 0

  /** The token of exactly this text, or `null` when it must be tokenized. */
  function knownToken(text: string): string | null {
    return text !== '' && vouched !== handlings ? null : tokenOf(draft, text)
  }

  /** Whether the user has typed, picked or removed what no token stands for yet. */
  function isUnsaved(text: string): boolean {
    const isChanged = draft.isEdited || (text !== '' && vouched !== handlings)
    return isChanged && knownToken(text) === null
  }

  function leaveLoad(): void {
    era = {}
    loading = null
    box.wait(false)
  }

  function replace(next: Draft): void {
    leaveLoad()
    isLost = false
    vouched = handlings
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
    const since = handlings
    try {
      const tokenId = await store(text)
      if (mine === era) {
        draft = tokenized(draft, tokenId, text)
        vouched = since
      }
      return tokenId
    } finally {
      if (sending?.text === text) sending = null
    }
  }

  return {
    async load(tokenId) {
      const text = box.text()
      if (loading?.tokenId === tokenId) return loading.done
      if (isUnsaved(text)) return
      if (text !== '' && knownToken(text) === tokenId) return
      if (tokenId === '') return replace(emptied(draft))
      replace(filled(tokenId, ''))
      box.wait(true)
      loading = { tokenId, done: loadInto(era, tokenId) }
      return loading.done
    },

    async tokenize(obeys) {
      if (isLost) throw new FrameError('session-changed')
      const text = box.text()
      const known = knownToken(text)
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

    handled() {
      handlings += 1
      sending = null
    },
    chosen() {
      if (loading !== null) leaveLoad()
      isLost = false
      draft = chosen(draft, box.text())
    },

    clear: () => replace(emptied(draft)),
    wipe() {
      const stood = isLost || draft.saved !== null || box.text() !== ''
      replace(emptied(draft))
      isLost = stood
    },
    isStored: () => draft.isStored,
    isLost: () => isLost,
    fill: (obeys, isJudged) => fillOf(draft, box.text(), () => obeys(box.text()), isJudged),
  }
}
