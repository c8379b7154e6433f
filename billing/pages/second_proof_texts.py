"""Words of the code page and of setting up a code generator, in every language."""

from __future__ import annotations

from billing.pages.passkey_texts import with_passkey_words

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Code",
        "skip": "Skip to content",
        "language": "Language",
        "heading": "Now the code",
        "means": "Six digits from your generator app. Without your phone: one of your recovery codes.",
        "code": "Code",
        "go": "Sign in",
        "wrong": "This is not the newest code, or it was used already. Wait for the next one; each is taken once.",
        "too_fast": "Too many codes. The next one is looked at in {wait} s.",
        "leave": "Sign in as somebody else",
        "setup_title": "Set up a code generator",
        "setup_heading": "Set up a code generator",
        "setup_must": "Your role moves money, so your password alone does not open its pages.",
        "setup_may": "From then on signing in asks for a code besides your password.",
        "setup_scan": "Scan this with a generator app on your phone (any app for TOTP), or type the letters there.",
        "picture": "QR code with the letters below, for a generator app",
        "letters": "Letters",
        "setup_code": "The six digits it shows now",
        "current": "A code of the generator you have now, or a recovery code",
        "setup_go": "Set up",
        "setup_wrong": "These are not the digits the app shows now. Is the phone’s clock right?",
        "current_wrong": "The code of your present generator was wrong or used already. Nothing was changed.",
        "codes_heading": "Keep these recovery codes",
        "codes_means": "Each opens the door once when your phone is lost. Print them or write them down; they are not "
        "shown "
        "again. Earlier ones are void, and you are signed out everywhere else.",
        "go_on": "I have kept them",
    },
    "de": {
        "title": "Code",
        "skip": "Zum Inhalt",
        "language": "Sprache",
        "heading": "Jetzt der Code",
        "means": "Sechs Ziffern aus Ihrer Generator-App. Ohne Ihr Telefon: einer Ihrer Ersatzcodes.",
        "code": "Code",
        "go": "Anmelden",
        "wrong": "Das ist nicht der neueste Code, oder er wurde schon benutzt. Warten Sie auf den nächsten; jeder gilt "
        "einmal.",
        "too_fast": "Zu viele Codes. Der nächste wird in {wait} s geprüft.",
        "leave": "Mit anderem Namen anmelden",
        "setup_title": "Codegenerator einrichten",
        "setup_heading": "Codegenerator einrichten",
        "setup_must": "Ihre Rolle bewegt Geld, darum öffnet das Passwort allein ihre Seiten nicht.",
        "setup_may": "Von da an fragt die Anmeldung neben dem Passwort nach einem Code.",
        "setup_scan": "Scannen Sie dies mit einer Generator-App auf Ihrem Telefon (jede App für TOTP), oder geben Sie "
        "dort "
        "die Buchstaben ein.",
        "picture": "QR-Code mit den Buchstaben darunter, für eine Generator-App",
        "letters": "Buchstaben",
        "setup_code": "Die sechs Ziffern, die sie jetzt zeigt",
        "current": "Ein Code des jetzigen Generators oder ein Ersatzcode",
        "setup_go": "Einrichten",
        "setup_wrong": "Das sind nicht die Ziffern, die die App jetzt zeigt. Geht die Uhr des Telefons richtig?",
        "current_wrong": "Der Code des jetzigen Generators war falsch oder schon benutzt. Nichts wurde geändert.",
        "codes_heading": "Heben Sie diese Ersatzcodes auf",
        "codes_means": "Jeder öffnet die Tür einmal, wenn Ihr Telefon verloren ist. Drucken Sie sie oder schreiben Sie "
        "sie "
        "ab; sie werden nicht noch einmal gezeigt. Frühere gelten nicht mehr, und überall sonst sind Sie abgemeldet.",
        "go_on": "Ich habe sie aufgehoben",
    },
    "ja": {
        "title": "コード",
        "skip": "本文へ",
        "language": "言語",
        "heading": "次はコード",
        "means": "認証アプリに表示される6桁の数字です。電話が手元にないときは、予備コードの一つを使えます。",
        "code": "コード",
        "go": "サインイン",
        "wrong": "最新のコードではないか、すでに使われています。次のコードをお待ちください。各コードは1回だけ使えます。"
        "",
        "too_fast": "試行が多すぎます。次は{wait}秒後に確認します。",
        "leave": "別の名前でサインイン",
        "setup_title": "認証アプリの設定",
        "setup_heading": "認証アプリの設定",
        "setup_must": "お金を動かす役割のため、パスワードだけではページを開けません。",
        "setup_may": "これ以降、サインインにはパスワードに加えてコードが必要です。",
        "setup_scan": "電話の認証アプリ(TOTP対応のもの)でこれを読み取るか、下の文字を入力してください。",
        "picture": "下の文字を含む、認証アプリ用のQRコード",
        "letters": "文字",
        "setup_code": "いまアプリに表示されている6桁",
        "current": "現在の認証アプリのコード、または予備コード",
        "setup_go": "設定する",
        "setup_wrong": "いま表示されている数字と違います。電話の時計は合っていますか。",
        "current_wrong": "現在の認証アプリのコードが違うか、すでに使われています。何も変更されていません。",
        "codes_heading": "予備コードを保管してください",
        "codes_means": "電話をなくしたとき、各コードで1回だけサインインできます。印刷するか書き写してください。再表示は"
        "されません。以前の予備コードは無効になり、ほかの場所ではサインアウトされます。",
        "go_on": "保管しました",
    },
}

SECOND_PROOF = with_passkey_words(_WORDS)
