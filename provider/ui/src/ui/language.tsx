import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { hostLanguage, language, type Language } from "../i18n";

const LanguageContext = createContext<Language>(language("en"));

/** The language of the host, also when the user switches it while the page is open. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [code, setCode] = useState(hostLanguage);
  useEffect(() => {
    const observer = new MutationObserver(() => setCode(hostLanguage()));
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
    const look = setInterval(() => setCode(hostLanguage()), 2000);
    return () => {
      observer.disconnect();
      clearInterval(look);
    };
  }, []);
  const [current, setCurrent] = useState(() => language(code));
  if (current.code !== code) setCurrent(language(code));
  return <LanguageContext value={current}>{children}</LanguageContext>;
}

export function useLanguage(): Language {
  return useContext(LanguageContext);
}
