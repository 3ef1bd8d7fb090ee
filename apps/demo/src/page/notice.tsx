import type { ReactNode } from 'react'

/** Something that the user should hear about now; screen readers read it out. */
export function Notice({ kind, children }: { readonly kind: 'good' | 'bad'; readonly children: ReactNode }) {
  return (
    <p className={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      {children}
    </p>
  )
}
