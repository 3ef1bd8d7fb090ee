/** `HTMLElement` where there is one. On a server the classes exist, so that a module can be imported, and are not used. */
export const BaseElement: typeof HTMLElement =
  globalThis.HTMLElement ?? (class {} as unknown as typeof HTMLElement)

interface Kinds {
  readonly text: readonly string[]
  readonly flag: readonly string[]
  readonly count: readonly string[]
}

/** Properties that mirror attributes of the same name in lower case. */
export type Reflected<K extends Kinds> = {
  [P in K['text'][number]]: string
} & { [P in K['flag'][number]]: boolean } & { [P in K['count'][number]]: number }

/** As in HTML: an absent text is `''`, an absent count, or one that is none, -1. Setting `null` or `undefined` takes the attribute away. */
export function reflect(prototype: HTMLElement, kinds: Kinds): void {
  for (const name of kinds.text) define(prototype, name, (text) => text ?? '')
  for (const name of kinds.count)
    define(prototype, name, (text) => (text !== null && /^\d+$/.test(text) ? Number(text) : -1))
  for (const name of kinds.flag) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: true,
      get(this: HTMLElement) {
        return this.hasAttribute(name.toLowerCase())
      },
      set(this: HTMLElement, on: unknown) {
        this.toggleAttribute(name.toLowerCase(), Boolean(on))
      },
    })
  }
}

function define(prototype: HTMLElement, name: string, read: (text: string | null) => unknown): void {
  const attribute = name.toLowerCase()
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: true,
    get(this: HTMLElement) {
      return read(this.getAttribute(attribute))
    },
    set(this: HTMLElement, value: unknown) {
      if (value === null || value === undefined) this.removeAttribute(attribute)
      else this.setAttribute(attribute, String(value))
    },
  })
}

/** Properties that a page set before the element was defined lie over the accessors; this sets them anew. */
export function takeUpProperties<E extends HTMLElement>(element: E, names: readonly (keyof E)[]): void {
  for (const name of names) {
    if (!Object.hasOwn(element, name)) continue
    const value = element[name]
    delete element[name]
    element[name] = value
  }
}
