import { replace } from './internals.ts'

/** Small parts of a browser that the elements use, where they are missing. @returns what takes them back */
export function fillGaps(): () => void {
  const restores = [
    ...(typeof globalThis.matchMedia === 'function'
      ? []
      : [
          replace(globalThis as typeof globalThis & Window, 'matchMedia', {
            value: matchNothing,
            writable: true,
          }),
        ]),
    fill(HTMLIFrameElement.prototype, 'sandbox', { get: sandbox }),
    fill(HTMLOptionElement.prototype, 'label', { get: label }),
    // jsdom lays nothing out, and so has nothing to scroll, and nothing out of sight.
    fill(Element.prototype, 'scrollIntoView', { value: () => {}, writable: true }),
    fill(globalThis as typeof globalThis & Window, 'IntersectionObserver', {
      value: NothingToSee,
      writable: true,
    }),
    mendActiveElement(),
  ]
  return () => {
    for (const restore of restores) restore()
  }
}

function fill<T extends object>(target: T, name: keyof T, descriptor: PropertyDescriptor): () => void {
  return name in target ? () => {} : replace(target, name, descriptor)
}

function matchNothing(media: string): object {
  return { media, matches: false, addEventListener() {}, removeEventListener() {} }
}

class NothingToSee {
  observe(): void {}
  disconnect(): void {}
}

function sandbox(this: HTMLIFrameElement): object {
  return { add: (...tokens: string[]) => this.setAttribute('sandbox', tokens.join(' ')) }
}

function label(this: HTMLOptionElement): string {
  return this.getAttribute('label') ?? this.text
}

/** happy-dom throws where the focus is in another shadow root. */
function mendActiveElement(): () => void {
  const native = Object.getOwnPropertyDescriptor(ShadowRoot.prototype, 'activeElement')
  const get = function (this: ShadowRoot): unknown {
    try {
      return native?.get?.call(this)
    } catch {
      return null
    }
  }
  return native === undefined ? () => {} : replace(ShadowRoot.prototype, 'activeElement', { get })
}
