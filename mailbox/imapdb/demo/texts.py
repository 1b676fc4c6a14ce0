"""Who writes to the sample account, and what: the words of the demo, apart from the code that sends them."""

# ruff: noqa: RUF001 - people write with the characters of their language

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imapdb.demo.compose import How

__all__ = [
    "CONVERSATIONS",
    "JAPANESE",
    "LOREM",
    "ME",
    "NEWSLETTERS",
    "NOTES",
    "NOTICES",
    "PEOPLE",
    "TRAVEL",
    "Conversation",
    "Newsletter",
    "Note",
    "Person",
]


class Person(NamedTuple):
    """A correspondent, with the charset and the encoded-word form their mail program uses."""

    name: str
    address: str
    charset: str = "utf-8"
    how: How = "Q"


class Conversation(NamedTuple):
    """A mail, our reply to it and, where there is one, the answer to that. `who` is a key of PEOPLE."""

    who: str
    subject: str
    mail: str
    reply: str
    answer: str = ""


class Note(NamedTuple):
    """A mail that starts nothing."""

    who: str
    subject: str
    body: str


class Newsletter(NamedTuple):
    """A mailing list one is subscribed to: its sender, its List-Id and how often it comes, in days."""

    sender: Person
    list_id: str
    subject: str
    days: int
    paragraphs: int


ME = Person("Dana Demo", "demo@example.org")

PEOPLE = {
    "greta": Person("Greta Müller", "greta.mueller@example.org"),
    "jose": Person("José García", "jose@correo.example", "iso-8859-1"),
    "hanako": Person("田中 花子", "hanako@yubin.example", "iso-2022-jp", "B"),
    "olga": Person("Ольга Петрова", "olga@pochta.example", "koi8-r", "B"),
    "soren": Person("Søren Kjær", "soren@post.example", "iso-8859-15"),
    "liam": Person("Liam O'Brien", "liam@example.com", "us-ascii"),
    "jack": Person('Smith, John "Jack"', "j.smith@example.com", "us-ascii"),
    "wei": Person("李伟", "wei.li@youjian.example", "gb2312", "B"),
    "nadia": Person("نادية حداد", "nadia@barid.example", "utf-8", "B"),
    "aylin": Person("Aylin Yıldız", "aylin@posta.example", "iso-8859-9"),
    "ines": Person("Inês Conceição", "ines@correio.example", "windows-1252"),
    "bare": Person("", "no-name@example.net", "us-ascii"),
}

CONVERSATIONS = (
    Conversation(
        "greta", "Übergabe am Freitag", "Passt dir zehn Uhr für die Übergabe?", "Zehn Uhr passt.", "Prima, bis dann!"
    ),
    Conversation(
        "liam", "Release checklist", "Could you look over the checklist?", "Two remarks inline.", "Both fixed."
    ),
    Conversation(
        "jose", "Presupuesto de otoño", "¿Puedes revisar el presupuesto?", "Revisado, está bien.", "¡Gracias!"
    ),
    Conversation(
        "hanako",
        "会議の日程について",
        "来週の会議は火曜日でよろしいでしょうか。",
        "火曜日で大丈夫です。",
        "承知しました。",
    ),
    Conversation(
        "jack", "Invoice 2041 is overdue", "The invoice is still open.", "Paid today, sorry.", "Received, thanks."
    ),
    Conversation("olga", "Билеты на поезд", "Я купила билеты на субботу.", "Спасибо! Сколько я должен?"),
    Conversation("soren", "Færgen til øerne", "Skal vi tage den tidlige færge?", "Ja, den klokken otte."),
    Conversation(
        "liam",
        "Flaky test on the build machine",
        "It fails one time in ten.",
        "It is a race, fix follows.",
        "Green since.",
    ),
    Conversation("wei", "数据报告", "附件是本月的数据报告。", "收到,谢谢。", "不客气。"),
    Conversation("greta", "Fotos vom Sommerfest", "Ich habe die Fotos hochgeladen.", "Wunderschön, danke!"),
    Conversation(
        "ines", "Tradução do manual", "A tradução está pronta para revisão.", "Li tudo: ótimo trabalho.", "Obrigada!"
    ),
    Conversation("aylin", "Çeviri için sorular", "İkinci bölümde bir sorum var.", "Cevaplar aşağıda."),
    Conversation("nadia", "موعد الاجتماع", "هل يناسبك يوم الاثنين؟", "نعم، الساعة العاشرة.", "شكرا جزيلا."),
    Conversation("jack", "Lunch on Thursday?", "The new place by the river?", "Half past twelve?", "See you there."),
    Conversation(
        "liam", "Re: Talk proposal", "The committee likes it. Could you shorten it?", "Down to 25 minutes.", "Accepted!"
    ),
    Conversation("jose", "Facturación", "Falta la dirección fiscal.", "Calle Mayor 5, 28013 Madrid."),
)

NOTES = (
    Note("greta", "Schlüssel liegt beim Nachbarn", "Klingel bei Groß, dritter Stock."),
    Note("greta", "Kurzer Gruß aus München", "Es regnet, aber das Essen ist großartig."),
    Note("liam", "Slides", "Here is what I showed yesterday."),
    Note("liam", "[Fwd] Security advisory", "Please upgrade before the weekend."),
    Note("jose", "Vacaciones", "Estaré fuera hasta el día 15. Mañana hablamos."),
    Note("jose", "Reunión aplazada", "La reunión pasa al miércoles."),
    Note("hanako", "写真を送ります", "先日の写真です。またお会いしましょう。"),
    Note("hanako", "お知らせ", "新しい住所に引っ越しました。"),
    Note("olga", "Привет из Петербурга", "Погода прекрасная, белые ночи."),
    Note("olga", "Рецепт борща", "Свёкла, капуста и терпение."),
    Note("soren", "Nøgler", "De ligger på køkkenbordet."),
    Note("soren", "Måske i morgen", "Jeg ringer når toget er ankommet."),
    Note("jack", "Draft contract (v3)", "Clause 7 is the one to look at, 100% sure."),
    Note("jack", "Fwd: Parking", "Gate 4 is closed on Monday."),
    Note("wei", "你好", "很高兴认识你。"),
    Note("wei", "新版本已发布", "请更新到最新版本。"),
    Note("nadia", "تهنئة", "كل عام وأنتم بخير."),
    Note("nadia", "Photos de Fès", "Quelques photos de la médina, à bientôt."),
    Note("aylin", "Toplantı notları", "Ekte toplantının notlarını bulabilirsin."),
    Note("aylin", "İstanbul'dan selamlar", "Boğaz'da gün batımı."),
    Note("ines", "Receita de pastéis", "Segue a receita da avó."),
    Note("ines", "São João", "Vens ao Porto em junho?"),
    Note("bare", "hello", "this sender has no name"),
    Note("bare", "(no greeting)", "just a line"),
)

NEWSLETTERS = (
    Newsletter(
        Person("Python Weekly", "news@pyweekly.example"), "weekly.pyweekly.example", "Python Weekly {n}", 14, 30
    ),
    Newsletter(
        Person("Zeitung am Morgen", "brief@zeitung.example"),
        "morgen.zeitung.example",
        "Zeitung am Morgen – Nr. {n}",
        5,
        12,
    ),
    Newsletter(
        Person("Café du Code", "lettre@cafe.example", "iso-8859-1"),
        "lettre.cafe.example",
        "La lettre du café, numéro {n}",
        28,
        60,
    ),
    Newsletter(Person("Shop & Save", "offers@shop.example"), "offers.shop.example", "{n}% off everything", 21, 90),
)

# What programs send: the kind of attachment, the sender, the subject.
NOTICES = (
    ("invoice", Person("Buchhandlung Fröhlich", "rechnung@buch.example"), "Rechnung {n}"),
    ("figures", Person("Sales reports", "reports@example.com", "us-ascii"), "Figures of week {n}"),
    ("invitation", Person("Calendar", "calendar@example.org", "us-ascii"), "Invitation: review {n}"),
)

TRAVEL = (
    ("München", "Hin- und Rückfahrt, zweite Klasse."),
    ("Lisboa", "Confirmação do hotel."),
    ("København", "Zwei Plätze am Fenster."),
    ("Zürich", "Bitte den Fahrschein ausdrucken."),
    ("İzmir", "Flug und Fähre."),
    ("Kraków", "Nachtzug, Liegewagen."),
    ("Genève", "Confirmation du séjour."),
    ("Málaga", "Alquiler de coche."),
    ("Tromsø", "Schiffspassage, Außenkabine."),
    ("Plzeň", "Gruppenfahrkarte."),
)

JAPANESE = (
    ("ご無沙汰しております", "お元気でいらっしゃいますか。"),
    ("請求書の送付", "今月の請求書をお送りします。"),
    ("会議の資料", "明日の会議の資料です。"),
    ("京都旅行の件", "十一月の紅葉を見に行きましょう。"),
    ("お礼", "先日はありがとうございました。"),
    ("新年のご挨拶", "本年もよろしくお願いいたします。"),
    ("住所変更のお知らせ", "引っ越しました。お近くにお越しの際はぜひお立ち寄りください。"),
    ("Pythonの勉強会", "次回は来月の第一土曜日です。"),
    ("カタカナのテスト", "コンピュータとインターネット。"),
    ("写真", "桜の写真です。"),
)

LOREM = (
    "A mailbox is a table, and a message is a row of it; everything else follows from that.",
    "Indexes are promises about the past. Keep the ones you use and drop the ones you only admire.",
    "Nobody reads the second paragraph, which is why the important part is in this one: thank you.",
    "Die Zeitzone der Uhr ist nicht die Zeitzone des Servers, und keine von beiden ist deine.",
    "Measure first. The slow part is never the one you would have rewritten.",
    "Le café est prêt, les tests aussi ; il ne manque plus que la documentation.",
    "If two programs disagree about a date, both are right about a different day.",
)
