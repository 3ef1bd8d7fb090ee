'use client'
import {
  defineElements,
  LunaDefendError,
  type LunaDefendOptions,
  LunaDefendPage,
  logout,
} from '@lunadefend/browser'
import { createContext, createElement, type ReactElement, type ReactNode, useContext, useMemo } from 'react'
import { useBrowserEffect, useLatest } from './effects.ts'

// Before React makes the first of them; on a server this does nothing.
defineElements()

const Connection = createContext<LunaDefendPage | null>(null)

export interface LunaDefendProviderProps extends LunaDefendOptions {
  readonly children?: ReactNode
}

/** The connection with one Tokenizer, for all components below it. A change of `onError`, `locale`, `messages` or `texts` loads no frame anew. */
export function LunaDefendProvider({ children, ...options }: LunaDefendProviderProps): ReactElement {
  const { tokenizerUrl, app, sessionPath, timeoutMs } = options
  const latest = useLatest(options)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rest is read when it is needed
  const page = useMemo(
    () =>
      new LunaDefendPage({
        ...options,
        onError: (error) => {
          const { onError } = latest.current
          onError?.(error)
        },
      }),
    [tokenizerUrl, app, sessionPath, timeoutMs],
  )
  const { locale, appearance, messages, texts } = options
  useBrowserEffect(() => {
    Object.assign(page, { locale, appearance, messages: messages ?? {}, texts: texts ?? {} })
  })
  return createElement(Connection.Provider, { value: page }, children)
}

/** @throws LunaDefendError `no-provider` */
export function useConnection(component: string): LunaDefendPage {
  const page = useContext(Connection)
  if (page === null) throw new LunaDefendError('no-provider', `<${component}>`)
  return page
}

export interface LunaDefendActions {
  /**
   * Ends the session of the frames, and empties every frame of the application in this browser, on all pages. Rejects
   * with a LunaDefendError when the Tokenizer could not be told; the frames are empty all the same.
   */
  logout(): Promise<void>
}

/** @throws LunaDefendError `no-provider` */
export function useLunaDefend(): LunaDefendActions {
  const page = useConnection('useLunaDefend')
  return useMemo(() => ({ logout: () => logout(page) }), [page])
}
