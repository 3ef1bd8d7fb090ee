type Tag = 'bdi' | 'button' | 'div' | 'img' | 'li' | 'p' | 'progress' | 'span' | 'ul'

/** An element with a text, never with markup. */
export function make<T extends Tag>(tag: T, text = '', className = ''): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag)
  if (text !== '') element.textContent = text
  if (className !== '') element.className = className
  return element
}

/**
 * `act` is called for a click, and for Enter and Space on the button; only when it is the user who does it.
 * @param label what a screen reader says, where the text alone does not tell
 */
export function makeButton(text: string, act: () => void, label = ''): HTMLButtonElement {
  const button = make('button', text)
  button.type = 'button'
  if (label !== '') button.ariaLabel = label
  button.addEventListener('click', (event) => {
    if (event.isTrusted) act()
  })
  return button
}

/** Says something politely. It must be there before it says anything, or nobody hears it (ARIA 1.2, live regions). */
export function makeStatus(): HTMLElement {
  const status = make('span')
  status.role = 'status'
  return status
}
