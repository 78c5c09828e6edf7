"""Made-up texts of kinds that a router may never have been trained on, for `bench_guard.py`.

Everything is drawn from a seed; source code is cut from the files of the Python that runs this and, where the machine
has them, of its system, and written from templates for other languages. Nothing here is known to the guard.
"""

from __future__ import annotations

import base64
import json
import random
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["KINDS", "cut_source", "make"]

_SCRIPTS = {
    "Arabic": "كم عدد أيام السنة الكبيسة؟|ما هي عاصمة المغرب؟|اشرح لماذا تبدو السماء زرقاء.|اكتب قصيدة قصيرة عن البحر."
    "|من كتب رواية البؤساء؟|كيف يعمل المحرك الكهربائي؟|أي الكواكب أقرب إلى الشمس؟|ما الفرق بين الذرة والجزيء؟",
    "Hindi": "भारत की राजधानी क्या है?|पानी का रासायनिक सूत्र क्या है?|एक छोटी कहानी लिखिए।|सूरज पूर्व से क्यों उगता है?"
    "|पाँच और सात का गुणनफल कितना होता है?|बिजली कैसे बनती है?|सबसे लंबी नदी कौन सी है?|इस वाक्य का अनुवाद कीजिए।",
    "Korean": "한국의 수도는 어디입니까?|물은 몇 도에서 끓습니까?|바다에 대한 짧은 시를 써 주세요.|전기는 어떻게 만들어지나요?"
    "|가장 긴 강은 무엇입니까?|이 문장을 영어로 번역해 주세요.|삼각형의 넓이는 어떻게 구합니까?|누가 전화를 발명했나요?",
    "Greek": "Ποια είναι η πρωτεύουσα της Ιταλίας;|Γιατί ο ουρανός είναι μπλε;|Γράψε ένα σύντομο ποίημα για τη θάλασσα."
    "|Πόσες μέρες έχει ένα δίσεκτο έτος;|Πώς λειτουργεί ένας κινητήρας;|Ποιος έγραψε την Οδύσσεια;",
    "Hebrew": "מהי בירת צרפת?|מדוע השמיים כחולים?|כתוב שיר קצר על הים.|כמה ימים יש בשנה מעוברת?|איך פועל מנוע חשמלי?"
    "|מי כתב את הספר הזה?|מהו הנהר הארוך בעולם?",
    "Thai": "เมืองหลวงของญี่ปุ่นคืออะไร|ทำไมท้องฟ้าจึงเป็นสีฟ้า|เขียนบทกวีสั้นเกี่ยวกับทะเล|น้ำเดือดที่อุณหภูมิเท่าใด"
    "|แม่น้ำที่ยาวที่สุดคือแม่น้ำอะไร|ไฟฟ้าผลิตขึ้นมาได้อย่างไร",
    "Ukrainian": "Яке місто є столицею Польщі?|Чому небо блакитне?|Напиши короткий вірш про море.|Скільки днів у році?"
    "|Як працює електричний двигун?|Хто написав цю книгу?|Поясни різницю між атомом і молекулою.",
    "Tamil": "இந்தியாவின் தலைநகரம் எது?|வானம் ஏன் நீலமாக உள்ளது?|கடலைப் பற்றி ஒரு சிறு கவிதை எழுது.|நீர் எந்த வெப்பநிலையில் கொதிக்கும்?",
}
_WORDS = (
    "account amount batch buffer cache client config count cursor customer date delay device driver entry error event "
    "field file filter flag group handler header index input invoice item job key label layer level limit line list "
    "loader lock logger map market message method metric model node number offset option order output owner packet "
    "page parser path payload point pool price process product profile project queue range record region report "
    "request result role row sample schema score server service session shape signal size socket source stage state "
    "status step store stream string student table target task team thread ticket time token total trace tree user "
    "value vector version view weight window worker"
).split()
_NAMES = (
    "Ana Ben Chen Dora Emil Farah Gita Hugo Ines Jonas Kemal Lena Mateo Nora Olga Pavel Rosa Sven Tariq Uma".split()
)
_CITIES = "Lagos Oslo Quito Hanoi Turin Perth Izmir Leeds Osaka Porto Cairo Delhi Lima Riga Kyiv Accra".split()


def make(kind: str, count: int, seed: int, ordinary: Sequence[str] = ()) -> list[str]:
    """So many texts of a kind; the long prompts are partly put together from `ordinary` ones."""
    rng = random.Random(f"{kind} {seed}")
    if kind == "20,000 words":
        return [_long(rng, ordinary) for _ in range(count)]
    return [KINDS[kind](rng) for _ in range(count)]


def other_script(rng: random.Random) -> str:
    """One to four sentences of one language."""
    sentences = _SCRIPTS[rng.choice(list(_SCRIPTS))].split("|")
    return " ".join(rng.sample(sentences, rng.randint(1, min(4, len(sentences)))))


def _camel(rng: random.Random, words: int = 2) -> str:
    first, *rest = rng.sample(_WORDS, words)
    return first + "".join(word.capitalize() for word in rest)


def _class(rng: random.Random) -> str:
    return "".join(word.capitalize() for word in rng.sample(_WORDS, 2))


def _snake(rng: random.Random, words: int = 2) -> str:
    return "_".join(rng.sample(_WORDS, words))


def _sources(suffixes: Sequence[str], folders: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        for suffix in suffixes:
            found += sorted(Path(folder).rglob(f"*{suffix}"))[:400]
    return [path for path in found if path.is_file()]


_system: dict[str, list[Path]] = {}


def cut_source(rng: random.Random, language: str) -> str | None:
    """8 to 60 neighbouring lines of a file of the machine; None where it has none."""
    if language not in _system:
        standard = sysconfig.get_paths()["stdlib"]
        places = {
            "python": ((".py",), (standard,)),
            "c": ((".c", ".h", ".cpp", ".hpp"), ("/usr/include", "/usr/share", sysconfig.get_paths()["purelib"])),
            "javascript": ((".js", ".css", ".html"), ("/usr/share", sysconfig.get_paths()["purelib"])),
            "shell": ((".sh",), ("/usr/share", "/usr/lib", "/etc")),
            "perl": ((".pl", ".pm"), ("/usr/share/perl", "/usr/lib/git-core", "/usr/share/perl5")),
            "sql": ((".sql",), ("/usr/share",)),
        }
        _system[language] = _sources(*places[language])
    files = _system[language]
    for _ in range(20 if files else 0):
        try:
            lines = rng.choice(files).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        size = rng.randint(8, 60)
        start = rng.randrange(max(len(lines) - size, 1))
        text = "\n".join(line[:200] for line in lines[start : start + size]).strip("\n")
        if len(text) > 150:
            return text
    return None


def _template(rng: random.Random) -> str:
    one, two, three, kind, number = _camel(rng), _camel(rng), _snake(rng), _class(rng), rng.randint(2, 999)
    word, name = rng.choice(_WORDS), rng.choice(_NAMES)
    return rng.choice(
        [
            f"public class {kind} {{\n    private final Map<String, Integer> {one} = new HashMap<>();\n\n    @Override\n"
            f"    public int {two}(String {word}) throws IOException {{\n        if (!{one}.containsKey({word})) {{\n"
            f'            throw new IllegalStateException("no {word}: " + {word});\n        }}\n'
            f"        return {one}.get({word}) * {number};\n    }}\n}}",
            f"func (s *{kind}) {two.capitalize()}(ctx context.Context, id int64) (*{kind}, error) {{\n"
            f"\trows, err := s.db.QueryContext(ctx, `SELECT {three} FROM {word} WHERE id = $1`, id)\n\tif err != nil {{\n"
            f'\t\treturn nil, fmt.Errorf("{word}: %w", err)\n\t}}\n\tdefer rows.Close()\n\treturn &{kind}{{}}, nil\n}}',
            f"impl {kind} {{\n    pub fn {three}(&mut self, {word}: &str) -> Result<Vec<u8>, Error> {{\n"
            f"        let mut {word}s = Vec::with_capacity({number});\n        for c in {word}.chars().rev() {{\n"
            f"            {word}s.push(c as u8);\n        }}\n        match self.{word}s.get(&{number}) {{\n"
            f"            Some(v) => Ok(v.clone()),\n            None => Err(Error::Missing({number})),\n        }}\n    }}\n}}",
            f"SELECT c.{three}, COUNT(*) AS n, AVG(o.{word}) AS mean_{word}\nFROM {word}s o\nLEFT JOIN customers c ON "
            f"c.id = o.customer_id\nWHERE o.created_at >= '2023-0{rng.randint(1, 9)}-01' AND c.city <> '{name}'\n"
            f"GROUP BY c.{three}\nHAVING COUNT(*) > {number}\nORDER BY n DESC LIMIT 20;",
            f"const {one} = async ({{ {word}, limit = {number} }}) => {{\n  const response = await fetch(`/api/{word}s?"
            f"limit=${{limit}}`, {{ headers }});\n  if (!response.ok) {{\n    throw new Error(`{word} ${{response.status}}`"
            f");\n  }}\n  const {{ items }} = await response.json();\n  return items.map((i) => i.{two} ?? null);\n}};",
            f"#include <vector>\n#include <{word}.h>\n\ntemplate <typename T>\nT {three}(const std::vector<T>& v) {{\n"
            f"    T best = v[0];\n    for (size_t i = 1; i < v.size(); ++i)\n        if (v[i] > best) best = v[i];\n"
            f"    return best * {number};\n}}\n\nint main() {{ std::cout << {three}<int>({{1, 2, {number}}}) << '\\n'; }}",
            f"def {three}(self, {word}: list[int]) -> dict[str, float]:\n    total = sum({word})\n    out = {{}}\n"
            f"    for i, x in enumerate({word}):\n        if x % {number} == 0:\n            continue\n"
            f"        out[f'{word}_{{i}}'] = x / total\n    return out",
            f"FROM python:3.{rng.randint(8, 13)}-slim\nWORKDIR /srv/{word}\nCOPY requirements.txt .\nRUN pip install -r "
            f'requirements.txt\nENV {three.upper()}={number}\nEXPOSE 8{number:03d}\nCMD ["python", "-m", "{three}"]',
        ]
    )


def source_code(rng: random.Random) -> str:
    """Half from files, half from templates."""
    language = rng.choice(["python", "python", "c", "javascript", "shell", "perl", "sql", "-", "-", "-", "-", "-"])
    return (cut_source(rng, language) if language != "-" else None) or _template(rng)


def _cell(rng: random.Random, column: int) -> str:
    return [
        str(rng.randint(1, 99_999)),
        f"{rng.uniform(0, 5000):.2f}",
        rng.choice(_NAMES),
        rng.choice(_CITIES),
        f"20{rng.randint(10, 26)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        f"{rng.uniform(0, 100):.1f}%",
        rng.choice(["active", "closed", "pending", "n/a", ""]),
    ][column]


def table(rng: random.Random) -> str:
    """CSV, TSV or markdown of 4 to 30 rows."""
    columns = rng.sample(range(7), rng.randint(3, 7))
    head = [_snake(rng) if rng.random() < 0.5 else rng.choice(_WORDS) for _ in columns]
    rows = [head, *([_cell(rng, column) for column in columns] for _ in range(rng.randint(4, 30)))]
    form = rng.choice(["csv", "tsv", "markdown", "markdown", "semicolon"])
    if form == "markdown":
        rows.insert(1, ["---"] * len(columns))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join({"csv": ",", "tsv": "\t", "semicolon": ";"}[form].join(row) for row in rows)


def _raised(rng: random.Random) -> str:
    def deeper(depth: int) -> object:
        if depth:
            return deeper(depth - 1)
        return rng.choice(
            [lambda: {}["x"], lambda: 1 / 0, lambda: int("no"), lambda: json.loads("{"), lambda: None + 1]  # type: ignore[operator]
        )()

    try:
        deeper(rng.randint(0, 4))
    except Exception:
        return traceback.format_exc()
    return ""


def stack_trace(rng: random.Random) -> str:
    """Python, Java, JavaScript or Go."""
    form = rng.choice(["raised", "python", "java", "javascript", "go"])
    many = range(rng.randint(3, 14))
    if form == "raised":
        return _raised(rng)
    if form == "python":
        frames = [
            f'  File "/srv/{rng.choice(_WORDS)}/{_snake(rng)}.py", line {rng.randint(3, 900)}, in {_snake(rng)}\n'
            f"    return self.{_snake(rng)}({rng.choice(_WORDS)}, {rng.choice(_WORDS)}=None)"
            for _ in many
        ]
        end = rng.choice(["KeyError: 'id'", "ValueError: bad shape (3, 4)", "TimeoutError", "TypeError: 'int' object"])
        return "\n".join(["Traceback (most recent call last):", *frames, end])
    if form == "java":
        frames = [
            f"\tat com.{rng.choice(_WORDS)}.{rng.choice(_WORDS)}.{_class(rng)}.{_camel(rng)}({_class(rng)}.java:"
            f"{rng.randint(10, 999)})"
            for _ in many
        ]
        first = f'Exception in thread "main" java.lang.{rng.choice(["NullPointerException", "IllegalStateException"])}'
        return "\n".join([f"{first}: {rng.choice(_WORDS)}", *frames])
    if form == "javascript":
        frames = [
            f"    at {_class(rng)}.{_camel(rng)} (/app/src/{_camel(rng)}.js:{rng.randint(1, 500)}:{rng.randint(1, 80)})"
            for _ in many
        ]
        return "\n".join([f"TypeError: Cannot read properties of undefined (reading '{rng.choice(_WORDS)}')", *frames])
    frames = [
        f"main.(*{_class(rng)}).{_camel(rng)}(0xc000{rng.randrange(16**6):06x}, 0x{rng.randrange(256):x})\n"
        f"\t/src/{rng.choice(_WORDS)}/{_snake(rng)}.go:{rng.randint(5, 700)} +0x{rng.randrange(4096):x}"
        for _ in many
    ]
    return "\n".join(["panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:", *frames])


def gibberish(rng: random.Random) -> str:
    """Random letters, words of random letters, or a mashed keyboard."""
    form = rng.choice(["letters", "words", "mash", "syllables", "characters"])
    letters = "abcdefghijklmnopqrstuvwxyz"
    if form == "letters":
        return "".join(rng.choices(letters, k=rng.randint(20, 300)))
    if form == "words":
        return " ".join("".join(rng.choices(letters, k=rng.randint(2, 10))) for _ in range(rng.randint(4, 60)))
    if form == "mash":
        row = rng.choice(["asdfghjkl", "asdfjkl;", "qwertyuiop", "asdfqwer", "zxcvbnm,"])
        return "".join(rng.choices(row, k=rng.randint(15, 120)))
    if form == "syllables":
        return " ".join(
            "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(1, 4)))
            for _ in range(rng.randint(5, 50))
        )
    return "".join(chr(rng.randint(33, 126)) for _ in range(rng.randint(20, 200)))


def base64_text(rng: random.Random) -> str:
    """Of random bytes or of words, in one line or in lines of 76."""
    plain = " ".join(rng.choices(_WORDS, k=rng.randint(6, 120))).encode()
    data = rng.choice([rng.randbytes(rng.randint(24, 900)), plain])
    form = rng.choice(["line", "lines", "url"])
    if form == "lines":
        return base64.encodebytes(data).decode().strip()
    return (base64.urlsafe_b64encode(data) if form == "url" else base64.b64encode(data)).decode()


def _long(rng: random.Random, ordinary: Sequence[str]) -> str:
    """20,000 words: ordinary queries one behind the other, one of them again and again, or words of prose."""
    form = rng.choice(["queries", "queries", "repeated", "words"]) if ordinary else "words"
    pool = ordinary if form == "queries" else [rng.choice(ordinary)] if form == "repeated" else _WORDS
    parts: list[str] = []
    words = 0
    while words < 20_000:
        parts.append(rng.choice(pool))
        words += max(parts[-1].count(" ") + 1, 1)
    return (" " if form == "words" else "\n\n").join(parts)


KINDS: dict[str, Callable[[random.Random], str]] = {
    "other script": other_script,
    "source code": source_code,
    "tables": table,
    "stack traces": stack_trace,
    "gibberish": gibberish,
    "base64": base64_text,
}
