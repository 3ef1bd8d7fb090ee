import type { Translations } from '../texts.ts'

export const IMAGE = {
  en: { title: 'Secure picture', noPicture: 'There is no picture that can be shown.' },
  de: { title: 'Geschütztes Bild', noPicture: 'Es gibt kein Bild, das angezeigt werden kann.' },
  es: { title: 'Imagen protegida', noPicture: 'No hay ninguna imagen que se pueda mostrar.' },
  fr: { title: 'Image protégée', noPicture: 'Aucune image ne peut être affichée.' },
  ar: { title: 'صورة آمنة', noPicture: 'لا توجد صورة يمكن إظهارها.' },
} satisfies Translations<'image'>
