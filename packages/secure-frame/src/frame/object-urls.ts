/** The URLs of blobs that this component has made, each to be taken back. */
export interface ObjectUrls {
  make(blob: Blob): string
  revoke(url: string): void
  revokeAll(): void
}

export function objectUrls(): ObjectUrls {
  const living = new Set<string>()
  const revoke = (url: string): void => {
    if (living.delete(url)) URL.revokeObjectURL(url)
  }
  return {
    make(blob) {
      const url = URL.createObjectURL(blob)
      living.add(url)
      return url
    },
    revoke,
    revokeAll: () => living.forEach(revoke),
  }
}
