'use client'
import type { LunaDefendError, SecureTableElement, TableColumn, TableRow } from '@lunadefend/browser'
import { type ForwardedRef, forwardRef, type ReactElement, useMemo } from 'react'
import { useProperty } from './effects.ts'
import { type SecureElementProps, useElement, useRendered } from './secure-element.ts'

export type { TableColumn, TableRow } from '@lunadefend/browser'

/** What a table and a list have in common. */
export interface ManyValuesProps extends SecureElementProps {
  /** Height in rows, below the header. Further rows scroll. @default 10 */
  readonly lines?: number | undefined
  /** The rows that were handed over last are there, those in view with their values. */
  readonly onLoad?: (() => void) | undefined
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
  const element = useElement<SecureTableElement, CustomEvent<LunaDefendError>>(ref, {
    load: () => onLoad?.(),
    error: ({ detail }) => onError?.(detail),
  })
  useProperty(element, 'columns', columns)
  useProperty(element, 'rows', rows)
  return useRendered(component, 'secure-table', element, rest)
}
