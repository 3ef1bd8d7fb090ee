type Tag = 'button' | 'div' | 'img' | 'p' | 'progress' | 'span' | 'bdi'

/** An element with a text, never with markup. */
export function make<T extends Tag>(tag: T, text = '', className = ''): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag)
  if (text !== '') element.textContent = text
  if (className !== '') element.className = className
  return element
}

/** `act` is called for a click, and for Enter and Space on the button; only when it is the user who does it. */
export function makeButton(text: string, label: string, act: () => void): HTMLButtonElement {
  const button = make('button', text)
  button.type = 'button'
  button.ariaLabel = label
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
