/** What the server has written into the page. */
export interface Settings {
  readonly tokenizerUrl: string
  /** `''` where it is not known. */
  readonly objectsUrl: string
  readonly app: string
}

export function readSettings({ dataset }: HTMLElement): Settings {
  return {
    tokenizerUrl: dataset['tokenizerUrl'] ?? '',
    objectsUrl: dataset['objectsUrl'] ?? '',
    app: dataset['app'] ?? '',
  }
}
