'use client'
import type { LunaDefendError, SecureTableElement, TableColumn, TableRow } from '@lunadefend/browser'
import {
  type CSSProperties,
  createElement,
  type ForwardedRef,
  forwardRef,
  type ReactElement,
  useImperativeHandle,
  useMemo,
  useRef,
} from 'react'
import { useBrowserEffect, useListeners } from './effects.ts'
import { useConnection } from './provider.ts'
import { attributesOf } from './secure-field.ts'

export type { TableColumn, TableRow } from '@lunadefend/browser'

/** What a table and a list have in common. */
export interface ManyValuesProps {
  /** Height in rows, below the header. Further rows scroll. @default 10 */
  readonly lines?: number | undefined
  readonly id?: string | undefined
  readonly className?: string | undefined
  readonly style?: CSSProperties | undefined
  readonly lang?: string | undefined
  /** What a screen reader calls it. */
  readonly 'aria-label'?: string | undefined
  readonly [data: `data-${string}`]: string | number | undefined
  /** The rows that were handed over last are there, those in view with their values. */
  readonly onLoad?: (() => void) | undefined
  /** Why none of them could be shown. The provider's `onError` is told as well. */
  readonly onError?: ((error: LunaDefendError) => void) | undefined
}

export interface SecureTableProps extends ManyValuesProps {
  /** Up to 32. */
  readonly columns: readonly TableColumn[]
  /** Up to 10,000. A row with a new token costs this one cell. */
  readonly rows: readonly TableRow[]
}

export interface SecureListProps extends ManyValuesProps {
  /** The header above the values. */
  readonly label: string
  readonly tokens: readonly (string | null | undefined)[]
}

/** A table of texts and of values that tokens stand for, in one frame and with one request. */
export const SecureTable = forwardRef(function SecureTable(
  props: SecureTableProps,
  ref: ForwardedRef<SecureTableElement>,
) {
  return useSecureTable('SecureTable', props, ref)
})

/** As `SecureTable`, with one column of values. */
export const SecureList = forwardRef(function SecureList(
  { label, tokens, ...props }: SecureListProps,
  ref: ForwardedRef<SecureTableElement>,
) {
  const columns = useMemo(() => [{ key: 'value', label, secure: true }], [label])
  const rows = useMemo(() => tokens.map((value) => ({ value })), [tokens])
  return useSecureTable('SecureList', { 'aria-label': label, ...props, columns, rows }, ref)
})

function useSecureTable(
  component: string,
  { columns, rows, onLoad, onError, ...rest }: SecureTableProps,
  ref: ForwardedRef<SecureTableElement>,
): ReactElement {
  const page = useConnection(component)
  const element = useRef<SecureTableElement>(null)
  useImperativeHandle(ref, () => element.current as SecureTableElement, [])
  useListeners<CustomEvent<LunaDefendError>>(element, {
    load: () => onLoad?.(),
    error: ({ detail }) => onError?.(detail),
  })
  useBrowserEffect(() => {
    if (element.current !== null) element.current.columns = columns
  }, [columns])
  useBrowserEffect(() => {
    if (element.current !== null) element.current.rows = rows
  }, [rows])
  useBrowserEffect(() => {
    if (element.current !== null) element.current.lunadefend = page
  }, [page])
  return createElement('secure-table', { ...attributesOf(rest), ref: element })
}
