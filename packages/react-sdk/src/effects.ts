import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react'

/** Before the browser paints; on a server, where effects never run, without React's warning. */
export const useBrowserEffect = typeof window === 'undefined' ? useEffect : useLayoutEffect

/** What was handed over in the latest render, for listeners that stay. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value)
  useBrowserEffect(() => {
    latest.current = value
  })
  return latest
}

/** Sets a property, at first and whenever there is another value for it. */
export function useProperty<T extends object, P extends keyof T>(
  target: RefObject<T | null>,
  name: P,
  value: T[P],
): void {
  useBrowserEffect(() => {
    if (target.current !== null) target.current[name] = value
  }, [target, name, value])
}

/** By the name of a DOM event. */
export interface Handlers<E extends Event> {
  readonly [type: string]: ((event: E) => void) | undefined
}

/** A new handler takes the old one's place; nothing is subscribed again. */
export function useListeners<E extends Event>(
  target: RefObject<EventTarget | null>,
  handlers: Handlers<E>,
): void {
  const latest = useLatest(handlers)
  const types = Object.keys(handlers).join(' ')
  useBrowserEffect(() => {
    const ended = new AbortController()
    for (const type of types.split(' ')) {
      const listen = (event: Event) => latest.current[type]?.(event as E)
      target.current?.addEventListener(type, listen, { signal: ended.signal })
    }
    return () => ended.abort()
  }, [target, latest, types])
}
