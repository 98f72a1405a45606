//! Pages as they come out of a printer, by Chromium and poppler's tools; and as an HTML checker and an
//! accessibility check see them. `tests/run` installs all of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// A printed page, or several.
pub struct Print {
    pdf: PathBuf,
    _folder: tempfile::TempDir,
}

/// A part of a page, in millimetres from its upper left corner.
pub struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// Dots per inch that areas are counted in: so many that a millimetre is ten of them.
const DPI: u32 = 254;

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

/// Prints an HTML file.
pub fn print(page: &Path) -> Print {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("page.pdf");
    run(Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args(["--disable-background-networking", "--no-pdf-header-footer"])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(page));
    Print {
        pdf,
        _folder: folder,
    }
}

impl Print {
    /// How many pages, all of them A4.
    pub fn a4_pages(&self) -> usize {
        let said = run(Command::new("pdfinfo").arg(&self.pdf)).stdout;
        let said = String::from_utf8(said).unwrap();
        let field = |name: &str| {
            let mut lines = said.lines();
            let line = lines.find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} in {said}")).trim()
        };
        assert!(field("Page size:").ends_with("(A4)"), "{said}");
        field("Pages:").parse().unwrap()
    }

    /// The words on all pages.
    pub fn text(&self) -> String {
        self.words(&[])
    }

    /// The words within an area of the first page.
    pub fn text_in(&self, area: &Area) -> String {
        let dots = |mm: u32| (mm * DPI / 254 * 10).to_string();
        let [x, y, w, h] = [area.left, area.top, area.width, area.height].map(dots);
        let dpi = DPI.to_string();
        self.words(&[
            "-l", "1", "-r", &dpi, "-x", &x, "-y", &y, "-W", &w, "-H", &h,
        ])
    }

    fn words(&self, options: &[&str]) -> String {
        let mut command = Command::new("pdftotext");
        command.args(options).args(["-layout", "-nopgbrk"]);
        let said = run(command.arg(&self.pdf).arg("-")).stdout;
        let text = String::from_utf8(said).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Where the packages of `tests/notice_pages/package.json` are.
pub fn modules() -> PathBuf {
    let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("notice-pages");
    assert!(
        modules.join("node_modules").is_dir(),
        "{} has no packages; `tests/run` installs them, with Chromium and Node.js",
        modules.display()
    );
    modules
}

/// What html-validate and axe-core find wrong with pages, and what these ask for from elsewhere.
pub fn faults(pages: &[PathBuf]) -> Vec<String> {
    let screenshots = tempfile::tempdir().unwrap();
    let mut node = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notice_pages/check.mjs"))
        .args([modules().as_path(), screenshots.path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is needed; `tests/run` installs it");
    let wanted = json!({"pages": pages, "calendars": []}).to_string();
    (node.stdin.take().unwrap())
        .write_all(wanted.as_bytes())
        .unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "check.mjs: {}", output.status);
    let said = String::from_utf8(output.stdout).unwrap();
    let looked: Vec<Value> = (said.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // Each in light and dark.
    assert_eq!(looked.len(), 2 * pages.len(), "{said}");
    let mut faults = Vec::new();
    for page in &looked {
        for list in ["findings", "violations", "requests"] {
            let own = format!("/{}", page["page"].as_str().unwrap());
            let found = page[list].as_array().unwrap().iter();
            // The page itself is asked for, and nothing else.
            let found = found.filter(|fault| !fault.as_str().unwrap().ends_with(&own));
            faults.extend(found.map(|fault| format!("{own} {list}: {fault}")));
        }
    }
    faults
}
