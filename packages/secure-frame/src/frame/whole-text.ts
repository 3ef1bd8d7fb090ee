import type { Showing } from '@lunadefend/contract/frame-messages'
import { make, makeButton, makeStatus } from './element.ts'
import { speaker } from './texts.ts'

const say = speaker<'paragraph'>()

/** All of a text, and the buttons that the page asked for. `hide` is called when the user has seen enough. */
export function wholeText(text: string, { copyable, hideAfter }: Showing, hide: () => void): Node[] {
  const status = makeStatus()
  const copy = copyable === true ? [makeButton(say('copy'), () => void copyText(text, status))] : []
  const enough = hideAfter !== undefined ? [makeButton(say('hide'), hide)] : []
  const buttons = [...copy, ...enough]
  // In the direction of its own: groups of digits would change places on a line from right to left.
  const value = make('bdi', text)
  if (buttons.length === 0) return [value]
  const spaced = [value, ...buttons, status].flatMap((part) => [part, ' '])
  return spaced.map((part) => (typeof part === 'string' ? document.createTextNode(part) : part))
}

/** From here straight to the system's clipboard: the text takes no way through the page, which hears nothing of it. */
async function copyText(text: string, status: HTMLElement): Promise<void> {
  status.textContent = ''
  // Where the browser gives the frame no clipboard there is no such object, or it refuses.
  const copied = await Promise.resolve(navigator.clipboard?.writeText(text).then(() => true)).catch(
    () => false,
  )
  status.textContent = copied === true ? say('copied') : say('notCopied')
}
