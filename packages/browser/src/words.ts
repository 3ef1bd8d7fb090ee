import type { Locale } from '@lunadefend/contract/frame-texts'

/** Texts of the browser's own bubble at a field that cannot be submitted. */
export interface ValidationMessages {
  /** @default 'Please fill out this field.' */
  readonly valueMissing: string
  /** @default 'Please match the requested format.' */
  readonly patternMismatch: string
  /** @default 'Please wait until every file has been uploaded.' */
  readonly uploading: string
  /** @default 'A file could not be uploaded. Try again, or remove it.' */
  readonly uploadFailed: string
}

/** What the page's side says: bubbles, and what a screen reader calls a frame without a label. */
export interface PageWords extends ValidationMessages {
  readonly field: string
  readonly text: string
  readonly upload: string
  readonly image: string
  readonly download: string
  readonly table: string
}

/** What a frame without a label is called. */
export type FrameName = Exclude<keyof PageWords, keyof ValidationMessages>

export const PAGE_WORDS: Readonly<Record<Locale, PageWords>> = {
  en: {
    valueMissing: 'Please fill out this field.',
    patternMismatch: 'Please match the requested format.',
    field: 'Secure field',
    text: 'Secure text',
    upload: 'Secure upload',
    image: 'Secure picture',
    download: 'Secure download',
    table: 'Secure table',
    uploading: 'Please wait until every file has been uploaded.',
    uploadFailed: 'A file could not be uploaded. Try again, or remove it.',
  },
  de: {
    valueMissing: 'Bitte füllen Sie dieses Feld aus.',
    patternMismatch: 'Bitte halten Sie das vorgegebene Format ein.',
    field: 'Geschütztes Feld',
    text: 'Geschützter Text',
    upload: 'Geschützter Upload',
    image: 'Geschütztes Bild',
    download: 'Geschützter Download',
    table: 'Geschützte Tabelle',
    uploading: 'Bitte warten Sie, bis alle Dateien hochgeladen sind.',
    uploadFailed:
      'Eine Datei konnte nicht hochgeladen werden. Versuchen Sie es erneut oder entfernen Sie sie.',
  },
  es: {
    valueMissing: 'Rellene este campo.',
    patternMismatch: 'Utilice el formato solicitado.',
    field: 'Campo protegido',
    text: 'Texto protegido',
    upload: 'Subida protegida',
    image: 'Imagen protegida',
    download: 'Descarga protegida',
    table: 'Tabla protegida',
    uploading: 'Espere a que se hayan subido todos los archivos.',
    uploadFailed: 'No se pudo subir un archivo. Inténtelo de nuevo o quítelo.',
  },
  fr: {
    valueMissing: 'Veuillez renseigner ce champ.',
    patternMismatch: 'Veuillez respecter le format demandé.',
    field: 'Champ protégé',
    text: 'Texte protégé',
    upload: 'Envoi protégé',
    image: 'Image protégée',
    download: 'Téléchargement protégé',
    table: 'Tableau protégé',
    uploading: 'Veuillez attendre que tous les fichiers soient envoyés.',
    uploadFailed: 'Un fichier n’a pas pu être envoyé. Réessayez ou retirez-le.',
  },
  ar: {
    valueMissing: 'يُرجى ملء هذا الحقل.',
    patternMismatch: 'يُرجى الالتزام بالتنسيق المطلوب.',
    field: 'حقل آمن',
    text: 'نص آمن',
    upload: 'رفع آمن',
    image: 'صورة آمنة',
    download: 'تنزيل آمن',
    table: 'جدول آمن',
    uploading: 'يُرجى الانتظار حتى يتم رفع جميع الملفات.',
    uploadFailed: 'تعذّر رفع أحد الملفات. حاول مرة أخرى أو أزِل الملف.',
  },
}
