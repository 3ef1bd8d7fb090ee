/**
 * "The same as in that field": what frames of one page ask each other about. It stays inside the Tokenizer's origin: a
 * channel that only its documents can open, whose name has the application and the random id of the page load. The
 * page hears of an outcome only, as the state of the field that asked, and only of text that the user has typed here:
 * a field that was filled from a token neither asks nor says yes.
 */
type Word =
  | {
      readonly type: 'compare'
      readonly to: string
      readonly question: string
      readonly salt: string
      readonly digest: string
    }
  | { readonly type: 'compared'; readonly question: string; readonly isSame: boolean }
  | { readonly type: 'edited'; readonly of: string }

/** How long another field is waited for, in milliseconds. It is on the same page. */
const WAIT_MS = 1000

export interface PeerNeeds {
  readonly app: string
  readonly page: string
  readonly fieldId?: string | undefined
  readonly sameAs?: string | undefined
  /** What was typed here; `null` for what came from a token. */
  readonly typed: () => string | null
  /** There is another answer than before. */
  readonly changed: () => void
}

export interface Peers {
  /** Whether the other field has said that it holds exactly this text. */
  agree(text: string): boolean
  /** Asks again; to be waited for before the text is used. */
  confirm(): Promise<void>
  /** What is in this field has changed. */
  edited(): void
}

const ALONE: Peers = { agree: () => true, confirm: async () => {}, edited: () => {} }

export function meetPeers({ app, page, fieldId, sameAs, typed, changed }: PeerNeeds): Peers {
  if (fieldId === undefined && sameAs === undefined) return ALONE
  const channel = openChannel(`lunadefend/${app}/${page}/fields`)
  const say = (word: Word): void => channel?.postMessage(word)
  const waiting = new Map<string, (isSame: boolean) => void>()
  /** Who asks once wants to hear of changes. */
  let isWatched = false
  let agreed: string | null = null

  async function answer({ question, salt, digest }: Extract<Word, { type: 'compare' }>): Promise<void> {
    isWatched = true
    const text = typed()
    const isSame = text !== null && (await digestOf(salt, text)) === digest && typed() === text
    say({ type: 'compared', question, isSame })
  }

  async function ask(to: string, text: string): Promise<boolean> {
    const [question, salt] = [crypto.randomUUID(), crypto.randomUUID()]
    const digest = await digestOf(salt, text)
    return new Promise((resolve) => {
      const end = (isSame: boolean): void => {
        clearTimeout(timer)
        waiting.delete(question)
        resolve(isSame)
      }
      const timer = setTimeout(() => end(false), WAIT_MS)
      waiting.set(question, end)
      say({ type: 'compare', to, question, salt, digest })
    })
  }

  async function confirm(): Promise<void> {
    agreed = null
    const text = typed()
    if (sameAs === undefined || text === null || text === '') return
    const isSame = await ask(sameAs, text)
    if (typed() === text) agreed = isSame ? text : null
    changed()
  }

  function hear(word: Word): void {
    if (word.type === 'compare' && word.to === fieldId) void answer(word)
    if (word.type === 'compared') waiting.get(word.question)?.(word.isSame)
    if (word.type === 'edited' && word.of === sameAs) void confirm()
  }

  if (channel !== null) channel.onmessage = ({ data }: MessageEvent<Word>) => hear(data)
  return {
    agree: (text) => sameAs === undefined || agreed === text,
    confirm,
    edited() {
      if (isWatched && fieldId !== undefined) say({ type: 'edited', of: fieldId })
      if (sameAs !== undefined) void confirm()
    },
  }
}

/** So that no other frame gets the text itself. Short texts could be guessed: they are among our own. */
async function digestOf(salt: string, text: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(salt + text))
  return String(new Uint8Array(bytes))
}

/** Where the browser refuses it nobody answers, and no two fields are the same. */
function openChannel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name)
  } catch {
    return null
  }
}
