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

__all__ = ["KINDS", "LONG", "make"]

_split = str.split  # by blanks
_SCRIPTS = {
    "Arabic": "كم عدد أيام السنة الكبيسة؟|ما هي عاصمة المغرب؟"
    "|اشرح لماذا تبدو السماء زرقاء.|اكتب قصيدة قصيرة عن البحر."
    "|من كتب رواية البؤساء؟|كيف يعمل المحرك الكهربائي؟|أي الكواكب أقرب إلى الشمس؟|ما الفرق بين الذرة والجزيء؟",
    "Hindi": "भारत की राजधानी क्या है?|पानी का रासायनिक सूत्र क्या है?|एक छोटी कहानी लिखिए।"
    "|सूरज पूर्व से क्यों उगता है?|पाँच और सात का गुणनफल कितना होता है?|बिजली कैसे बनती है?"
    "|सबसे लंबी नदी कौन सी है?|इस वाक्य का अनुवाद कीजिए।",
    "Korean": "한국의 수도는 어디입니까?|물은 몇 도에서 끓습니까?"
    "|바다에 대한 짧은 시를 써 주세요.|전기는 어떻게 만들어지나요?"
    "|가장 긴 강은 무엇입니까?|이 문장을 영어로 번역해 주세요."
    "|삼각형의 넓이는 어떻게 구합니까?|누가 전화를 발명했나요?",
    "Greek": "Ποια είναι η πρωτεύουσα της Ιταλίας;|Γιατί ο ουρανός είναι μπλε;"
    "|Γράψε ένα σύντομο ποίημα για τη θάλασσα."
    "|Πόσες μέρες έχει ένα δίσεκτο έτος;|Πώς λειτουργεί ένας κινητήρας;|Ποιος έγραψε την Οδύσσεια;",
    "Hebrew": "מהי בירת צרפת?|מדוע השמיים כחולים?|כתוב שיר קצר על הים.|כמה ימים יש בשנה מעוברת?|איך פועל מנוע חשמלי?"
    "|מי כתב את הספר הזה?|מהו הנהר הארוך בעולם?",
    "Thai": "เมืองหลวงของญี่ปุ่นคืออะไร|ทำไมท้องฟ้าจึงเป็นสีฟ้า|เขียนบทกวีสั้นเกี่ยวกับทะเล|น้ำเดือดที่อุณหภูมิเท่าใด"
    "|แม่น้ำที่ยาวที่สุดคือแม่น้ำอะไร|ไฟฟ้าผลิตขึ้นมาได้อย่างไร",
    "Ukrainian": "Яке місто є столицею Польщі?|Чому небо блакитне?"
    "|Напиши короткий вірш про море.|Скільки днів у році?"
    "|Як працює електричний двигун?|Хто написав цю книгу?|Поясни різницю між атомом і молекулою.",
    "Tamil": "இந்தியாவின் தலைநகரம் எது?|வானம் ஏன் நீலமாக உள்ளது?|கடலைப் பற்றி ஒரு சிறு கவிதை எழுது.|நீர் எந்த வெப்பநிலையில் கொதிக்கும்?",
}
_WORDS = _split("""
    account amount batch buffer cache client config count cursor customer date delay device driver entry error event
    field file filter flag group handler header index input invoice item job key label layer level limit line list
    loader lock logger map market message method metric model node number offset option order output owner packet
    page parser path payload point pool price process product profile project queue range record region report
    request result role row sample schema score server service session shape signal size socket source stage state
    status step store stream string student table target task team thread ticket time token total trace tree user
    value vector version view weight window worker
""")
_NAMES = _split("""
    Ana Ben Chen Dora Emil Farah Gita Hugo Ines Jonas Kemal Lena Mateo Nora Olga Pavel Rosa Sven Tariq Uma
""")
_CITIES = _split("""
    Lagos Oslo Quito Hanoi Turin Perth Izmir Leeds Osaka Porto Cairo Delhi Lima Riga Kyiv Accra
""")
_ASKED = (
    "What does this do?",
    "Please explain the following.",
    "Find the mistake:",
    "Summarize this in one sentence.",
    "Can you help me with this?",
)
# One program a block, with places for names: @A @B in camel case, @s in snake case, @C a class, @w a word, @N a number.
_PROGRAMS = """
public class @C {
    private final Map<String, Integer> @A = new HashMap<>();

    @Override
    public int @B(String @w) throws IOException {
        if (!@A.containsKey(@w)) {
            throw new IllegalStateException("no @w: " + @w);
        }
        return @A.get(@w) * @N;
    }
}
=====
func (s *@C) Find@C(ctx context.Context, id int64) (*@C, error) {
\trows, err := s.db.QueryContext(ctx, `SELECT @s FROM @w WHERE id = $1`, id)
\tif err != nil {
\t\treturn nil, fmt.Errorf("@w: %w", err)
\t}
\tdefer rows.Close()
\treturn &@C{Limit: @N}, nil
}
=====
impl @C {
    pub fn @s(&mut self, @w: &str) -> Result<Vec<u8>, Error> {
        let mut @A = Vec::with_capacity(@N);
        for c in @w.chars().rev() {
            @A.push(c as u8);
        }
        match self.@w.get(&@N) {
            Some(v) => Ok(v.clone()),
            None => Err(Error::Missing(@N)),
        }
    }
}
=====
SELECT c.@s, COUNT(*) AS n, AVG(o.@w) AS mean_@w
FROM @w o
LEFT JOIN customers c ON c.id = o.customer_id
WHERE o.created_at >= '2023-04-01' AND c.city <> 'Oslo'
GROUP BY c.@s
HAVING COUNT(*) > @N
ORDER BY n DESC LIMIT 20;
=====
const @A = async ({ @w, limit = @N }) => {
  const response = await fetch(`/api/@w?limit=${limit}`, { headers });
  if (!response.ok) {
    throw new Error(`@w ${response.status}`);
  }
  const { items } = await response.json();
  return items.map((i) => i.@B ?? null);
};
=====
#include <vector>
#include <@w.h>

template <typename T>
T @s(const std::vector<T>& v) {
    T best = v[0];
    for (size_t i = 1; i < v.size(); ++i)
        if (v[i] > best) best = v[i];
    return best * @N;
}

int main() { std::cout << @s<int>({1, 2, @N}) << '\\n'; }
=====
def @s(self, @w: list[int]) -> dict[str, float]:
    total = sum(@w)
    out = {}
    for i, x in enumerate(@w):
        if x % @N == 0:
            continue
        out[f'@w_{i}'] = x / total
    return out
=====
FROM python:3.12-slim
WORKDIR /srv/@w
COPY requirements.txt .
RUN pip install -r requirements.txt
ENV @s=@N
EXPOSE 8080
CMD ["python", "-m", "@s"]
""".strip().split("\n=====\n")


def make(kind: str, count: int, seed: int, ordinary: Sequence[str] = ()) -> list[str]:
    """So many texts of a kind; the long prompts are partly put together from `ordinary` ones."""
    rng = random.Random(f"{kind} {seed}")
    if kind == LONG:
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


def _cut_source(rng: random.Random, language: str) -> str | None:
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
    text = rng.choice(_PROGRAMS)
    names = {"@A": _camel(rng), "@B": _camel(rng), "@s": _snake(rng), "@C": _class(rng), "@w": rng.choice(_WORDS)}
    for place, name in {**names, "@N": str(rng.randint(2, 999))}.items():
        text = text.replace(place, name)
    return text


def source_code(rng: random.Random) -> str:
    """Half from files, half from templates."""
    language = rng.choice(["python", "python", "c", "javascript", "shell", "perl", "sql", "-", "-", "-", "-", "-"])
    return (_cut_source(rng, language) if language != "-" else None) or _template(rng)


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
        return rng.choice([lambda: {}["x"], lambda: 1 / 0, lambda: int("no"), lambda: json.loads("{"), lambda: [][3]])()

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


def _asked(make_one: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda rng: f"{rng.choice(_ASKED)}\n\n{make_one(rng)}"


LONG = "20,000 words"
KINDS: dict[str, Callable[[random.Random], str]] = {
    "other script": other_script,
    "source code": source_code,
    "tables": table,
    "stack traces": stack_trace,
    "gibberish": gibberish,
    "base64": base64_text,
    "code, asked about": _asked(source_code),
    "table, asked about": _asked(table),
}
