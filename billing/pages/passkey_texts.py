"""Words around passkeys, in every language; the pages that offer them add these to their own."""

from __future__ import annotations

PASSKEY: dict[str, dict[str, str]] = {
    "en": {
        "passkeys": "Passkeys",
        "passkeys_means": "A passkey signs you in by your device’s finger, face or PIN: nothing to type, nothing to "
        "steal by a "
        "false page.",
        "passkey_enter": "Sign in with a passkey",
        "passkey_add": "Add a passkey",
        "passkey_label": "Its name, as “My phone”",
        "passkey_some": "A passkey",
        "passkey_remove": "Remove",
        "passkey_made": "made {made}",
        "passkey_used": "made {made}, last used {used}",
        "passkey_not": "Your device gave no passkey. Nothing was changed; try again, or take another way in.",
        "passkey_wrong": "This passkey opens nothing here. It may have been removed, or be of another account.",
        "passkey_last": "Your role moves money and keeps a second proof: set up another before you remove the last.",
        "done_passkey": "The passkey is added.",
        "done_passkey_gone": "The passkey is removed. It opens nothing any more; delete it on your device, too.",
    },
    "de": {
        "passkeys": "Passkeys",
        "passkeys_means": "Ein Passkey meldet Sie mit Finger, Gesicht oder PIN Ihres Geräts an: nichts zu tippen, "
        "nichts, was "
        "eine falsche Seite stehlen könnte.",
        "passkey_enter": "Mit Passkey anmelden",
        "passkey_add": "Passkey hinzufügen",
        "passkey_label": "Sein Name, etwa „Mein Telefon“",
        "passkey_some": "Ein Passkey",
        "passkey_remove": "Entfernen",
        "passkey_made": "angelegt {made}",
        "passkey_used": "angelegt {made}, zuletzt benutzt {used}",
        "passkey_not": "Ihr Gerät gab keinen Passkey heraus. Nichts wurde geändert; versuchen Sie es noch einmal oder "
        "auf "
        "anderem Weg.",
        "passkey_wrong": "Dieser Passkey öffnet hier nichts. Vielleicht wurde er entfernt oder gehört zu einem anderen "
        "Konto.",
        "passkey_last": "Ihre Rolle bewegt Geld und behält einen zweiten Nachweis: Richten Sie einen anderen ein, "
        "bevor Sie den "
        "letzten entfernen.",
        "done_passkey": "Der Passkey ist hinzugefügt.",
        "done_passkey_gone": "Der Passkey ist entfernt und öffnet nichts mehr; löschen Sie ihn auch auf Ihrem Gerät.",
    },
    "ja": {
        "passkeys": "パスキー",
        "passkeys_means": "パスキーなら、端末の指紋・顔・PINでサインインできます。入力は不要で、"
        "偽のページに盗まれることもありません。",
        "passkey_enter": "パスキーでサインイン",
        "passkey_add": "パスキーを追加",
        "passkey_label": "名前(例:自分の電話)",
        "passkey_some": "パスキー",
        "passkey_remove": "削除",
        "passkey_made": "作成 {made}",
        "passkey_used": "作成 {made}、最終使用 {used}",
        "passkey_not": "端末からパスキーを受け取れませんでした。何も変更されていません。もう一度試すか、"
        "別の方法をお使いください。",
        "passkey_wrong": "このパスキーでは開けません。削除されたか、別のアカウントのものかもしれません。",
        "passkey_last": "お金を動かす役割では二つ目の証明が必要です。最後の一つを削除する前に、"
        "別のものを設定してください。",
        "done_passkey": "パスキーを追加しました。",
        "done_passkey_gone": "パスキーを削除しました。端末側でも削除してください。",
    },
}


def with_passkey_words(texts: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {language: {**PASSKEY[language], **words} for language, words in texts.items()}
